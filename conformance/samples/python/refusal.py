"""Why the bank says no: a reason class and a text for the customer."""


class Refusal(Exception):
    def __init__(self, kind, text):
        super().__init__(text)
        self.kind, self.text = kind, text
