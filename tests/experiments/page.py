"""Pages of HTML as tests read them."""

import html.parser


class Page(html.parser.HTMLParser):
    """A page's links, pictures, headings and text; refuses tags that do not close."""

    VOID = ("meta", "img", "link", "br")

    def __init__(self, path):
        super().__init__()
        self.open, self.links, self.words = [], [], []
        self.feed(path.read_text(encoding="utf-8"))
        assert not self.open
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"}.intersection(self.open):
            self.words.append(data)
