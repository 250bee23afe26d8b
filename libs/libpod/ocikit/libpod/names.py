"""Names and ids of new objects."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.common.files import random_hex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST = (
    "able agile amber bold brave bright brisk calm candid cheerful clever cosy crisp curious daring deft dapper eager early "
    "earnest elegant epic fair fancy fearless fine fond frank fresh frosty gentle glad golden graceful grand happy hardy "
    "hearty honest hopeful humble jolly jovial keen kind lively loyal lucid lucky mellow merry mighty modest neat nimble "
    "noble patient placid plucky polite proud quick quiet radiant rapid ready rosy serene sharp shiny silent sincere sleek "
    "smart snappy snug solid spry steady still stoic sturdy sunny swift tender thrifty tidy tranquil trusty upbeat vivid "
    "warm wise witty wonderful young zealous zen"
)
_SECOND = (
    "agnesi archimedes aryabhata babbage banach bell bohr boole born bose brahmagupta bragg cannon carson cauchy cori curie "
    "dalton darwin descartes dijkstra dirac easley edison einstein elion euclid euler faraday fermat fermi feynman fourier "
    "franklin galileo galois gauss germain gödel goldstine goodall hamilton hawking heisenberg hertz herschel hilbert "
    "hodgkin hopper hypatia jackson jemison johnson joule kalam kare kepler khorana kilby knuth kovalevskaya lamarr lamport "
    "leakey leavitt leibniz liskov lovelace lumiere maxwell mayer mcclintock meitner mendel mendeleev mirzakhani morse "
    "neumann newton nightingale nobel noether pasteur payne perlman planck poincare ptolemy raman ramanujan ritchie rubin "
    "sagan shannon shaw snyder stonebraker swartz tesla thompson torvalds turing villani volhard wescoff wiles wilson wing "
    "wozniak wright yalow yonath"
).replace("gödel", "goedel")


def new_id() -> str:
    """64 hex digits whose first 12 are not all decimal, so that a short id is never read as a number."""
    while True:
        text = random_hex(32)
        if not text[:12].isdigit():
            return text


def random_name(taken: Callable[[str], bool]) -> str:
    """``adjective_surname`` that nobody has; with a number at the end if all tries are taken."""
    first, second = _FIRST.split(" "), _SECOND.split(" ")
    name = ""
    for attempt in range(200):
        number = int(random_hex(8), 16)
        name = f"{first[number % len(first)]}_{second[(number >> 24) % len(second)]}"
        if attempt >= 20:
            name += str(number >> 48)
        if not taken(name):
            return name
    raise OcikitError(f"no free name was found: {name} and 199 others are taken; give one with --name")


def check_name(name: str) -> None:
    """Raises OcikitError unless the name is ``[a-zA-Z0-9][a-zA-Z0-9_.-]*``."""
    ok = name.isascii() and name[:1].isalnum() and name.replace("_", "").replace(".", "").replace("-", "").isalnum()
    if not ok:
        raise OcikitError(
            "running container create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"
        )
