"""Units, currencies and months, with the ways in which each may be written.

Converts nothing: a kilometre is not a thousand metres here.
"""

_PREFIXES = {
    "": "",
    "n": "nano",
    "\u00b5": "micro",
    "m": "milli",
    "c": "centi",
    "d": "deci",
    "h": "hecto",
    "k": "kilo",
    "M": "mega",
    "G": "giga",
    "T": "tera",
}
_BASES = {
    "m": ("metre", "meter"),
    "g": ("gram", "gramme"),
    "s": ("second",),
    "W": ("watt",),
    "Wh": ("watt hour", "watt-hour"),
    "V": ("volt",),
    "A": ("ampere", "amp"),
    "Hz": ("hertz",),
    "Pa": ("pascal",),
    "J": ("joule",),
    "N": ("newton",),
    "L": ("litre", "liter"),
    "B": ("byte",),
    "b": ("bit",),
    "bar": ("bar",),
    "t": ("tonne",),
    "\u03a9": ("ohm",),
    "cal": ("calorie",),
}
# Written in either case; the first of each stands for all.
_OTHERS = (
    ("%", "percent", "per cent", "pct"),
    ("\u2030", "per mille"),
    ("\u00b0C", "degrees celsius", "degree celsius", "celsius", "\u00b0 c"),
    ("\u00b0F", "degrees fahrenheit", "degree fahrenheit", "fahrenheit", "\u00b0 f"),
    ("\u00b0", "degree", "degrees"),
    ("min", "mins", "minute", "minutes"),
    ("h", "hr", "hrs", "hour", "hours"),
    ("d", "day", "days"),
    ("week", "weeks"),
    ("month", "months"),
    ("year", "years", "yr", "yrs"),
    ("inch", "inches"),
    ("ft", "foot", "feet"),
    ("yd", "yds", "yard", "yards"),
    ("mi", "mile", "miles"),
    ("nautical mile", "nautical miles", "nmi"),
    ("\u2032",),
    ("\u2032\u2032",),
    ("lb", "lbs"),
    ("oz", "ounce", "ounces"),
    ("kn", "knot", "knots"),
    ("km/h", "kph", "kmh"),
    ("mi/h", "mph"),
    ("ha", "hectare", "hectares"),
    ("acre", "acres"),
    ("gallon", "gallons"),
    ("dB", "decibel", "decibels"),
    ("rpm",),
    ("ppm",),
    ("$", "dollar", "dollars"),
    ("US$", "usd", "us dollar", "us dollars"),
    ("\u20ac", "eur", "euro", "euros"),
    ("\u00a3", "gbp", "pound sterling", "pounds sterling"),
    ("\u00a5", "jpy", "yen", "\u5186"),
    ("CN\u00a5", "cny", "rmb", "yuan", "\u5143"),
    ("\u20b9", "inr", "rupee", "rupees"),
    ("\u20bd", "rub", "rouble", "roubles", "ruble", "rubles"),
    ("\u20a9", "krw", "won"),
    ("A$", "aud"),
    ("C$", "cad"),
    ("CHF",),
    ("NOK",),
    ("SEK",),
    ("DKK",),
    ("kr",),
)
# Powers of ten. A German "Billion" is another, and stays a word.
MAGNITUDES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}
MAGNITUDES |= {"tausend": 3, "mln": 6, "mio": 6, "millionen": 6, "milliarden": 9, "mrd": 9, "bn": 9}
_MONTHS = (
    "january february march april may june july august september october november december".split()
)
MONTHS = {name: number for number, name in enumerate(_MONTHS, start=1)}
MONTHS |= {name[:3]: number for name, number in MONTHS.items()} | {"sept": 9}
DAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())
CURRENCIES = (
    "US$ A$ C$ NZ$ HK$ $ \u20ac \u00a3 \u00a5 \u20b9 \u20bd \u20a9 USD EUR GBP JPY CNY INR RUB KRW "
    "AUD CAD CHF NOK SEK DKK"
).split()  # that may stand before a number


def _symbols() -> dict[str, str]:
    """The units whose case matters: a milliwatt is no megawatt, a byte no bit."""
    found = {prefix + base: prefix + base for prefix in _PREFIXES for base in _BASES}
    found |= {prefix + "l": prefix + "L" for prefix in _PREFIXES}
    found |= {prefix + "bit": prefix + "b" for prefix in _PREFIXES}
    found |= {"NM": "nautical mile", "Nm": "Nm"}  # neither is a nanometre
    found |= {"\u03bc" + one[1:]: one for one in found if one[0] == "\u00b5"}  # as NFKC has it
    return found


def _words() -> dict[str, str]:
    """The units in words, and the symbols that mean the same in either case."""
    found: dict[str, str] = {}
    for prefix, before in _PREFIXES.items():
        for base, names in _BASES.items():
            for name in names:
                found[before + name] = found[f"{before}{name}s"] = prefix + base
    for first, *others in _OTHERS:
        found |= {one.casefold(): first for one in (first, *others)}
    found |= {"kilohm": "k\u03a9", "kilohms": "k\u03a9", "megohm": "M\u03a9", "megohms": "M\u03a9"}
    folded: dict[str, set[str]] = {}
    for written, symbol in SYMBOLS.items():
        folded.setdefault(written.casefold(), set()).add(symbol)
    for written, symbols in folded.items():
        if len(symbols) == 1 and len(written) > 1:
            found.setdefault(written, *symbols)
    return found


SYMBOLS = _symbols()
WORDS = _words()


def unit(written: str) -> str | None:
    """The normalised name of a unit; None if it is none."""
    return SYMBOLS.get(written) or WORDS.get(written if len(written) == 1 else written.casefold())
