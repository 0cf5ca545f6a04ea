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
# The same of other languages. A name that is more than a unit is none: 日, 节, "once".
_ELSEWHERE = {
    "m": "mètre mètres metros м метр метра метров متر 米 公尺 メートル मीटर เมตร",
    "km": "kilomètre kilomètres kilómetro kilómetros км километр километра километров "
    "كيلومتر 公里 千米 キロメートル किलोमीटर กิโลเมตร",
    "cm": "centimètres centímetros см сантиметров سنتيمتر 厘米 公分 センチメートル सेंटीमीटर",
    "mm": "millimètres milímetros мм миллиметров 毫米 公厘 ミリメートル मिलीमीटर",
    "m^2": "平方米 平方公尺 平方メートル",
    "km^2": "平方公里 平方千米",
    "m^3": "立方米 立方メートル",
    "kg": "kilo kilos кг килограмм килограмма килограммов كيلوغرام 公斤 千克 キログラム किलोग्राम",
    "g": "gramm grammes gramo gramos грамм граммов 克 グラム",
    "t": "tonnen tonelada toneladas т тонна тонны тонн طن 吨 公吨 噸 トン टन",
    "s": "sekunde sekunden seconde secondes segundo segundos сек секунда секунды секунд ثانية "
    "秒 秒钟 सेकंड วินาที",
    "min": "minuten minutos мин минута минуты минут دقيقة 分钟 分鐘 मिनट นาที",
    "h": "stunde stunden heure heures hora horas ч час часа часов ساعة 小时 小時 時間 घंटे ชั่วโมง",
    "d": "tage tagen jour jours día días день дня дней يوم 天 日間 दिन วัน",
    "week": "woche wochen semaine semaines semana semanas неделя недели недель أسبوع "
    "周 週 週間 सप्ताह",
    "month": "monat monate monaten mois mes meses месяц месяца месяцев شهر "
    "个月 個月 か月 ヶ月 महीने เดือน",
    "year": "jahr jahre jahren ans année années año años год года лет سنة साल",
    "L": "liter litern litro litros л литр литра литров لتر 升 公升 リットル लीटर ลิตร",
    "mL": "毫升 ミリリットル",
    "V": "вольт 伏 伏特 ボルト",
    "W": "ватт 瓦 瓦特 ワット",
    "kW": "квт 千瓦",
    "Hz": "герц 赫兹 赫茲 ヘルツ",
    "\u00b0C": "摄氏度 攝氏度",
    "\u00b0": "градус градуса градусов 度",
    "nautical mile": "seemeile seemeilen 海里 浬",
    "kn": "knoten nœuds nudos узел узлов",
    "ha": "hektar гектар гектаров 公顷 公頃 ヘクタール",
    "%": "prozent процент процента процентов パーセント",
    "US$": "美元",
    "$": "ドル",
    "\u20ac": "欧元 歐元 ユーロ евро",
    "\u00a3": "英镑 英鎊",
    "\u00a5": "日元",
    "\u20bd": "рубль рубля рублей",
    "\u20a9": "원",
}
# Powers of ten. A German "Billion" is another, and stays a word.
MAGNITUDES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}
MAGNITUDES |= {"tausend": 3, "mln": 6, "mio": 6, "millionen": 6, "milliarden": 9, "mrd": 9, "bn": 9}
_MONTHS = (
    "january february march april may june july august september october november december".split()
)
MONTHS = {name: number for number, name in enumerate(_MONTHS, start=1)}
MONTHS |= {name[:3]: number for name, number in MONTHS.items()} | {"sept": 9}
# Of German, French, Spanish, Italian, Portuguese and Russian, without what means something else.
_MONTHS_ELSEWHERE = (
    "januar jänner janvier enero gennaio janeiro января",
    "februar février febrero febbraio fevereiro февраля",
    "märz mars marzo março марта",
    "avril abril aprile апреля",
    "mai mayo maggio maio мая",
    "juni juin junio giugno junho июня",
    "juli juillet julio luglio julho июля",
    "août agosto августа",
    "septembre septiembre settembre setembro сентября",
    "oktober octobre octubre ottobre outubro октября",
    "novembre noviembre novembro ноября",
    "dezember décembre diciembre dicembre dezembro декабря",
)
MONTHS |= {
    name: number
    for number, names in enumerate(_MONTHS_ELSEWHERE, start=1)
    for name in names.split()
}
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
    for first, names_elsewhere in _ELSEWHERE.items():
        found |= dict.fromkeys(names_elsewhere.split(), first)
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
