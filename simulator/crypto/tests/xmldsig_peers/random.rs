//! Documents that nobody would write: prefixes declared, bound anew and left unused at every depth, every kind of
//! character and reference in texts and attributes.

/// A small generator, so that the same documents come every time.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn one<'s>(&mut self, of: &[&'s str]) -> &'s str {
        of[self.roll(of.len())]
    }

    /// Up to two of a list.
    pub(crate) fn some(&mut self, of: &[&str]) -> Vec<String> {
        (0..self.roll(3)).map(|_| self.one(of).to_owned()).collect()
    }

    fn text(&mut self, of: &[&str]) -> String {
        (0..self.roll(5)).map(|_| self.one(of)).collect()
    }
}

const TEXTS: [&str; 18] = [
    "x",
    " ",
    "\n",
    "\t",
    "\r\n",
    "&#13;",
    "&amp;",
    "&lt;",
    "&gt;",
    "я",
    "&#x1F600;",
    "<![CDATA[<&>]]>",
    "\"",
    "'",
    "<!-- c -->",
    "<?pi  data ?>",
    "&#10;",
    "]",
];
const VALUES: [&str; 12] = ["x", " ", "\n", "\t", "&#13;", "&amp;", "&lt;", ">", "&#9;", "&#10;", "&quot;", "ю"];
const PREFIXES: [&str; 4] = ["", "a", "b", "c"];
const NAMESPACES: [&str; 4] = ["urn:1", "urn:2", "http://x/y", "urn:4"];

/// A document for canonical forms.
pub(crate) fn document(dice: &mut Dice) -> String {
    let mut writer = Writer { dice, out: String::new(), ids: 0, smev: false };
    writer.out += writer.dice.one(&["", "<?xml version=\"1.0\"?>\n"]);
    writer.out += writer.dice.one(&["", "<!-- top -->", "<?t x?>\n", "\n"]);
    writer.element(0, &[]);
    writer.out += writer.dice.one(&["", "<!-- end -->", "\n<?t?>"]);
    writer.out
}

/// A document for the transform of SMEV, all of whose elements are in some namespace.
pub(crate) fn message(dice: &mut Dice) -> String {
    let mut writer = Writer { dice, out: "<r xmlns=\"urn:0\">".to_owned(), ids: 0, smev: true };
    writer.element(0, &[("", "urn:0")]);
    writer.out + "</r>"
}

struct Writer<'w> {
    dice: &'w mut Dice,
    out: String,
    ids: usize,
    smev: bool,
}

impl Writer<'_> {
    /// An element with all in it. `scope` holds the prefixes that are bound, the innermost last.
    fn element(&mut self, depth: usize, scope: &[(&'static str, &'static str)]) {
        let mut scope = scope.to_vec();
        let mut items = Vec::new();
        for prefix in PREFIXES {
            if self.dice.roll(4) > 0 || (self.smev && prefix.is_empty()) {
                continue;
            }
            let undeclared = prefix.is_empty() && self.dice.roll(3) == 0;
            let namespace = if undeclared { "" } else { NAMESPACES[self.dice.roll(4)] };
            scope.retain(|(bound, _)| *bound != prefix);
            scope.push((prefix, namespace));
            let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
            items.push((name, namespace.to_owned()));
        }
        let bound: Vec<(&str, &str)> = scope.iter().copied().filter(|(prefix, _)| !prefix.is_empty()).collect();
        let of = |dice: &mut Dice| bound.get(dice.roll(bound.len() + 1)).copied().unwrap_or(("", ""));
        let mut seen = Vec::new();
        for _ in 0..self.dice.roll(4) {
            let (prefix, namespace) = of(self.dice);
            let local = self.dice.one(&["k", "m", "n", "lang"]);
            if !seen.contains(&(namespace, local)) {
                seen.push((namespace, local));
                items.push((qualified(prefix, local), self.dice.text(&VALUES)));
            }
        }
        for (name, value) in [("xml:lang", "ru"), ("xml:space", "preserve")] {
            if self.dice.roll(6) == 0 {
                items.push((name.to_owned(), value.to_owned()));
            }
        }
        items.push(("xml:id".to_owned(), format!("i{}", self.ids)));
        self.ids += 1;
        let name = qualified(of(self.dice).0, self.dice.one(&["e", "f", "g"]));
        self.out += &format!("<{name}");
        while !items.is_empty() {
            let (name, value) = items.swap_remove(self.dice.roll(items.len()));
            let space = self.dice.one(&[" ", "  ", "\n"]);
            self.out += &format!("{space}{name}=\"{value}\"");
        }
        self.out += ">";
        for _ in 0..if depth < 4 { self.dice.roll(4) } else { 0 } {
            self.text();
            self.element(depth + 1, &scope);
        }
        self.text();
        self.out += &format!("</{name}>");
    }

    fn text(&mut self) {
        let text = self.dice.text(&TEXTS);
        self.out += &text;
    }
}

fn qualified(prefix: &str, local: &str) -> String {
    if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") }
}
