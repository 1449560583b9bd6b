"""The papers that this project builds on: key -> Reference, and its BibTeX.

One table, so that the catalogue, `cite` and the pages of the docs name each in the same words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lookslinear.errors import known_name

#: BibTeX reads ASCII everywhere; these are the letters beyond it in the table below.
_LATEX = {"é": r"{\'e}", "ü": r"{\"u}", "ä": r"{\"a}", "ö": r"{\"o}"}
#: What stands in a BibTeX entry, in this order, under these names.
_FIELDS = ("author", "title", "booktitle", "journal", "volume", "number", "pages", "year", "doi")


@dataclass(frozen=True)
class Reference:
    """A published work; its fields are BibTeX's, and `arxiv` is an identifier such as 1702.08591.

    Examples
    --------
    >>> REFERENCES["he2015"].cited
    'He, Zhang, Ren & Sun 2015, arXiv 1502.01852'
    >>> print(Reference("me2026", "Doe, Jane", "On Weights", 2026, journal="Notes").bibtex())
    @article{me2026,
      author = {Doe, Jane},
      title = {{On Weights}},
      journal = {Notes},
      year = {2026},
    }
    """

    key: str
    author: str  # 'Family, Given and Family, Given'
    title: str
    year: int
    booktitle: str = ""
    journal: str = ""
    volume: str = ""
    number: str = ""
    pages: str = ""
    doi: str = ""
    arxiv: str = ""
    venue: str = ""  # what a long booktitle is called in short

    @property
    def families(self) -> list[str]:
        """The authors' family names."""
        return [name.split(",")[0] for name in self.author.split(" and ")]

    @property
    def cited(self) -> str:
        """Authors, year and where it can be read, on one line."""
        *first, last = self.families
        names = f"{', '.join(first)} & {last}" if first else last
        names = f"{self.families[0]} et al." if len(first) > 3 else names
        where = (
            f"arXiv {self.arxiv}" if self.arxiv else self.venue or self.booktitle or self.journal
        )
        return f"{names} {self.year}, {where}"

    @property
    def address(self) -> str:
        """Where it can be read, or '' if that is not known."""
        if self.arxiv:
            return f"https://arxiv.org/abs/{self.arxiv}"
        return f"https://doi.org/{self.doi}" if self.doi else ""

    def bibtex(self) -> str:
        """The entry of a .bib file, in ASCII."""
        kind = "inproceedings" if self.booktitle else "article" if self.journal else "misc"
        lines = [f"  {name} = {{{value}}}," for name, value in self._values()]
        return "\n".join([f"@{kind}{{{self.key},", *lines, "}"])

    def _values(self) -> Iterable[tuple[str, str]]:
        for name in _FIELDS:
            value = _in_ascii(str(getattr(self, name)))
            if value:  # a second pair of braces keeps a title's capitals
                yield name, f"{{{value}}}" if name == "title" else value
        if self.arxiv:
            yield "eprint", self.arxiv
            yield "archiveprefix", "arXiv"


def bibtex(keys: Iterable[str]) -> str:
    """The BibTeX of these references, each once, in the order of their keys.

    Raises
    ------
    UnknownNameError
        For a key that is not in `REFERENCES`, with the nearest one.

    Examples
    --------
    >>> print(bibtex(["he2015", "glorot2010", "he2015"]).count("@"))
    2
    """
    known = [known_name("reference", key, REFERENCES) for key in keys]
    return "\n\n".join(REFERENCES[key].bibtex() for key in sorted(set(known)))


def _in_ascii(text: str) -> str:
    for letter, latex in _LATEX.items():
        text = text.replace(letter, latex)
    return text


_ICLR = "International Conference on Learning Representations"
_NEURIPS = "Advances in Neural Information Processing Systems"
_ICML = "Proceedings of the {} International Conference on Machine Learning"

#: Every work that is cited, by its key: the first author's family name and the year.
REFERENCES: dict[str, Reference] = {
    reference.key: reference
    for reference in (
        Reference(
            "aitken2017",
            "Aitken, Andrew and Ledig, Christian and Theis, Lucas and Caballero, Jose and "
            "Wang, Zehan and Shi, Wenzhe",
            "Checkerboard artifact free sub-pixel convolution: A note on sub-pixel convolution, "
            "resize convolution and convolution resize",
            2017,
            arxiv="1707.02937",
        ),
        Reference(
            "bachlechner2020",
            "Bachlechner, Thomas and Majumder, Bodhisattwa Prasad and Mao, Huanru Henry and "
            "Cottrell, Garrison W. and McAuley, Julian",
            "ReZero is All You Need: Fast Convergence at Large Depth",
            2020,
            arxiv="2003.04887",
        ),
        Reference(
            "balduzzi2017",
            "Balduzzi, David and Frean, Marcus and Leary, Lennox and Lewis, J. P. and "
            "Ma, Kurt Wan-Duo and McWilliams, Brian",
            "The Shattered Gradients Problem: If resnets are the answer, then what is the "
            "question?",
            2017,
            booktitle=_ICML.format("34th"),
            volume="70",
            pages="342--350",
            arxiv="1702.08591",
        ),
        Reference(
            "bingham2021",
            "Bingham, Garrett and Miikkulainen, Risto",
            "AutoInit: Analytic Signal-Preserving Weight Initialization for Neural Networks",
            2021,
            arxiv="2109.08958",
        ),
        Reference(
            "burkholz2019",
            "Burkholz, Rebekka and Dubatovka, Alina",
            "Initialization of ReLUs for Dynamical Isometry",
            2019,
            booktitle=_NEURIPS,
            volume="32",
            arxiv="1806.06362",
        ),
        Reference(
            "dauphin2019",
            "Dauphin, Yann N. and Schoenholz, Samuel",
            "MetaInit: Initializing learning by learning to initialize",
            2019,
            booktitle=_NEURIPS,
            volume="32",
            venue="NeurIPS",
        ),
        Reference(
            "de2020",
            "De, Soham and Smith, Samuel L.",
            "Batch Normalization Biases Residual Blocks Towards the Identity Function in Deep "
            "Networks",
            2020,
            booktitle=_NEURIPS,
            volume="33",
            arxiv="2002.10444",
        ),
        Reference(
            "glorot2010",
            "Glorot, Xavier and Bengio, Yoshua",
            "Understanding the difficulty of training deep feedforward neural networks",
            2010,
            booktitle="Proceedings of the Thirteenth International Conference on Artificial "
            "Intelligence and Statistics",
            volume="9",
            pages="249--256",
            venue="AISTATS",
        ),
        Reference(
            "hanin2018",
            "Hanin, Boris",
            "Which Neural Net Architectures Give Rise to Exploding and Vanishing Gradients?",
            2018,
            booktitle=_NEURIPS,
            volume="31",
            arxiv="1801.03744",
        ),
        Reference(
            "hanin2020",
            "Hanin, Boris and Nica, Mihai",
            "Products of Many Large Random Matrices and Gradients in Deep Neural Networks",
            2020,
            journal="Communications in Mathematical Physics",
            volume="376",
            number="1",
            pages="287--322",
            doi="10.1007/s00220-019-03624-z",
            arxiv="1812.05994",
        ),
        Reference(
            "he2015",
            "He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian",
            "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet "
            "Classification",
            2015,
            booktitle="Proceedings of the IEEE International Conference on Computer Vision",
            pages="1026--1034",
            doi="10.1109/ICCV.2015.123",
            arxiv="1502.01852",
        ),
        Reference(
            "krahenbuhl2016",
            "Krähenbühl, Philipp and Doersch, Carl and Donahue, Jeff and Darrell, Trevor",
            "Data-dependent Initializations of Convolutional Neural Networks",
            2016,
            booktitle=_ICLR,
            arxiv="1511.06856",
        ),
        Reference(
            "le2015",
            "Le, Quoc V. and Jaitly, Navdeep and Hinton, Geoffrey E.",
            "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units",
            2015,
            arxiv="1504.00941",
        ),
        Reference(
            "lecun1998",
            "LeCun, Yann and Bottou, Léon and Orr, Genevieve B. and Müller, Klaus-Robert",
            "Efficient BackProp",
            1998,
            booktitle="Neural Networks: Tricks of the Trade",
            pages="9--50",
            doi="10.1007/3-540-49430-8_2",
        ),
        Reference(
            "martens2010",
            "Martens, James",
            "Deep learning via Hessian-free optimization",
            2010,
            booktitle=_ICML.format("27th"),
            pages="735--742",
            venue="ICML",
        ),
        Reference(
            "martens2021",
            "Martens, James and Ballard, Andy and Desjardins, Guillaume and Swirszcz, Grzegorz and "
            "Dalibard, Valentin and Sohl-Dickstein, Jascha and Schoenholz, Samuel S.",
            "Rapid training of deep neural networks without skip connections or normalization "
            "layers using Deep Kernel Shaping",
            2021,
            arxiv="2110.01765",
        ),
        Reference(
            "mezzadri2007",
            "Mezzadri, Francesco",
            "How to generate random matrices from the classical compact groups",
            2007,
            journal="Notices of the American Mathematical Society",
            volume="54",
            number="5",
            pages="592--604",
            arxiv="math-ph/0609050",
        ),
        Reference(
            "mishkin2016",
            "Mishkin, Dmytro and Matas, Jiri",
            "All you need is a good init",
            2016,
            booktitle=_ICLR,
            arxiv="1511.06422",
        ),
        Reference(
            "muller1959",
            "Muller, Mervin E.",
            "A note on a method for generating points uniformly on n-dimensional spheres",
            1959,
            journal="Communications of the ACM",
            volume="2",
            number="4",
            pages="19--20",
            doi="10.1145/377939.377946",
        ),
        Reference(
            "poole2016",
            "Poole, Ben and Lahiri, Subhaneil and Raghu, Maithra and Sohl-Dickstein, Jascha and "
            "Ganguli, Surya",
            "Exponential expressivity in deep neural networks through transient chaos",
            2016,
            booktitle=_NEURIPS,
            volume="29",
            arxiv="1606.05340",
        ),
        Reference(
            "saxe2013",
            "Saxe, Andrew M. and McClelland, James L. and Ganguli, Surya",
            "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
            2013,
            arxiv="1312.6120",
        ),
        Reference(
            "schoenholz2017",
            "Schoenholz, Samuel S. and Gilmer, Justin and Ganguli, Surya and "
            "Sohl-Dickstein, Jascha",
            "Deep Information Propagation",
            2017,
            booktitle=_ICLR,
            arxiv="1611.01232",
        ),
        Reference(
            "shang2016",
            "Shang, Wenling and Sohn, Kihyuk and Almeida, Diogo and Lee, Honglak",
            "Understanding and Improving Convolutional Neural Networks via Concatenated Rectified "
            "Linear Units",
            2016,
            booktitle=_ICML.format("33rd"),
            volume="48",
            pages="2217--2225",
            arxiv="1603.05201",
        ),
        Reference(
            "sitzmann2020",
            "Sitzmann, Vincent and Martel, Julien N. P. and Bergman, Alexander W. and "
            "Lindell, David B. and Wetzstein, Gordon",
            "Implicit Neural Representations with Periodic Activation Functions",
            2020,
            booktitle=_NEURIPS,
            volume="33",
            arxiv="2006.09661",
        ),
        Reference(
            "stewart1980",
            "Stewart, G. W.",
            "The efficient generation of random orthogonal matrices with an application to "
            "condition estimators",
            1980,
            journal="SIAM Journal on Numerical Analysis",
            volume="17",
            number="3",
            pages="403--409",
            doi="10.1137/0717034",
        ),
        Reference(
            "xiao2018",
            "Xiao, Lechao and Bahri, Yasaman and Sohl-Dickstein, Jascha and "
            "Schoenholz, Samuel S. and Pennington, Jeffrey",
            "Dynamical Isometry and a Mean Field Theory of CNNs: How to Train 10,000-Layer "
            "Vanilla Convolutional Neural Networks",
            2018,
            booktitle=_ICML.format("35th"),
            volume="80",
            pages="5393--5402",
            arxiv="1806.05393",
        ),
        Reference(
            "zagoruyko2017",
            "Zagoruyko, Sergey and Komodakis, Nikos",
            "DiracNets: Training Very Deep Neural Networks Without Skip-Connections",
            2017,
            arxiv="1706.00388",
        ),
        Reference(
            "zhang2019",
            "Zhang, Hongyi and Dauphin, Yann N. and Ma, Tengyu",
            "Fixup Initialization: Residual Learning Without Normalization",
            2019,
            booktitle=_ICLR,
            arxiv="1901.09321",
        ),
        Reference(
            "zhao2022",
            "Zhao, Jiawei and Schäfer, Florian and Anandkumar, Anima",
            "ZerO Initialization: Initializing Neural Networks with only Zeros and Ones",
            2022,
            journal="Transactions on Machine Learning Research",
            arxiv="2110.12661",
        ),
    )
}
