"""Names of months, days, eras and day halves, as Java's CLDR data has them (JDK 17 to 21)."""

from __future__ import annotations

from dataclasses import dataclass


class UnknownLocaleError(ValueError):
    """No names are known in that language."""


@dataclass(frozen=True, slots=True)
class Names:
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    days: tuple[str, ...]
    """Monday first."""
    short_days: tuple[str, ...]
    halves: tuple[str, str] = ("AM", "PM")
    eras: tuple[str, str] = ("BC", "AD")


def _names(months: str, short_months: str, days: str, short_days: str, halves: str, eras: str) -> Names:
    morning, afternoon = halves.split("|")
    before, after = eras.split("|")
    return Names(
        tuple(months.split()), tuple(short_months.split()), tuple(days.split()), tuple(short_days.split()),
        (morning, afternoon), (before, after),
    )


ENGLISH = _names(
    "January February March April May June July August September October November December",
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "Mon Tue Wed Thu Fri Sat Sun", "AM|PM", "BC|AD",
)
_LANGUAGES = {
    "en": ENGLISH,
    "de": _names(
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "Mo. Di. Mi. Do. Fr. Sa. So.", "AM|PM", "v. Chr.|n. Chr.",
    ),
    "fr": _names(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "lun. mar. mer. jeu. ven. sam. dim.", "AM|PM", "av. J.-C.|ap. J.-C.",
    ),
    "es": _names(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene feb mar abr may jun jul ago sept oct nov dic",
        "lunes martes miércoles jueves viernes sábado domingo",
        "lun mar mié jue vie sáb dom", "a.\u00a0m.|p.\u00a0m.", "a. C.|d. C.",
    ),
    "it": _names(
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "lunedì martedì mercoledì giovedì venerdì sabato domenica",
        "lun mar mer gio ven sab dom", "AM|PM", "a.C.|d.C.",
    ),
    "pt": _names(
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
        "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
        "seg. ter. qua. qui. sex. sáb. dom.", "AM|PM", "a.C.|d.C.",
    ),
}


def locale_names(tag: str) -> Names:
    """
    The names in the language of a tag such as ``de``, ``de-DE`` or ``de_DE``.

    :raises UnknownLocaleError: another language; the message says which are known.
    """
    names = _LANGUAGES.get(tag.replace("_", "-").split("-", 1)[0].lower())
    if names is None:
        raise UnknownLocaleError(f"Month and day names are known for {', '.join(_LANGUAGES)}; not for '{tag}'.")
    return names
