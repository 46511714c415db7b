"""Why the bank says no: a reason class, a text for the customer, and a code where there is a better one than the class."""


class Refusal(Exception):
    def __init__(self, kind, text, code=None):
        super().__init__(text)
        self.kind, self.text, self.code = kind, text, code or kind
