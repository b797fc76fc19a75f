"""Reading the server's pages as a bot needs them: forms, tokens, addresses."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """One form: where it goes and the values it holds; of radio buttons, the first."""

    action: str
    values: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """Forms by action, the CSRF token for scripts, and the data attributes of <main>."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.csrf = ""
        self.data: dict[str, str] = {}
        self.code = ""
        self._in_code = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", "")))
        elif tag == "input" and self.forms and given.get("name"):
            self.forms[-1].values.setdefault(given["name"], given.get("value", ""))
        elif tag == "meta" and given.get("name") == "csrf-token":
            self.csrf = given.get("content", "")
        elif tag == "main":
            self.data = {k[5:]: v for k, v in given.items() if k.startswith("data-")}
        self._in_code = given.get("id") == "code"

    def handle_data(self, data: str) -> None:
        if self._in_code:
            self.code, self._in_code = data.strip(), False

    def form(self, ending: str) -> Form | None:
        """The form whose address ends so."""
        return next((form for form in self.forms if form.action.endswith(ending)), None)
