"""The words of a command line: how they are read, what other programs call them, and what is said of mistakes."""

import inspect
import re
from typing import Annotated

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcli.cli.commands import COMMANDS
from poolcli.cli.help import PANELS
from poolcli.cli.parser import parse
from poolcli.errors import UsageError
from poolcli.ops.modes import MODES

POOL = COMMANDS["pool"]

SPELLED = [
    (["a.png", "--k", "2"], {"k": "2"}, ["a.png"]),
    (["--k=2", "a.png"], {"k": "2"}, ["a.png"]),
    (["-k2", "-k=3", "a.png"], {"k": "3"}, ["a.png"]),
    (["-rq", "-rqk", "2", "a.png"], {"recursive": True, "quiet": True, "k": "2"}, ["a.png"]),
    (["-rk2x3", "."], {"recursive": True, "k": "2x3"}, ["."]),
    (["--shift", "-1,0", "--shift=0,1", "-"], {"shift": ["-1,0", "0,1"]}, ["-"]),
    (["--", "--k", "-a.png"], {}, ["--k", "-a.png"]),
    (["a", "--k", "2", "b", "--", "c"], {"k": "2"}, ["a", "b", "c"]),
    (["--p", "-2", "--quality", "7"], {"p": -2.0, "quality": 7}, []),
    (["--output="], {"output": ""}, []),
    (["--k=a=b"], {"k": "a=b"}, []),
    (["--shift_edge", "wrap", "--exclude_pad"], {"shift_edge": "wrap", "exclude_pad": True}, []),
    (["--kernel-size", "3", "--strides", "2", "--dilations=1"], {"k": "3", "s": "2", "dilation": "1"}, []),
    (["--pads", "1", "--auto-pad", "SAME_UPPER"], {"pads": "1", "padding": "SAME_UPPER"}, []),
    (["--ceil_mode", "--pool-size", "3", "--output_size", "1"], {"ceil": True, "k": "3", "size": "1"}, []),
]


@pytest.mark.parametrize(("words", "values", "arguments"), SPELLED, ids=lambda value: str(value)[:40])
def test_words_are_read(words, values, arguments):
    """Every way to spell an option, and options among the arguments."""
    assert parse(POOL, words) == (values, arguments)


def oracle(command):
    """A Typer app that records what it reads, declared like the command; Typer has what the parser has no need of."""
    seen = {}

    def record(**values):
        seen.update(values)

    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if option.kind is bool else None,
            annotation=Annotated[
                bool if option.kind is bool else (list[option.kind] if option.several else option.kind) | None,
                typer.Option(*option.spellings),
            ],
        )
        for name, option in command.options().items()
    ]
    inputs = inspect.Parameter(
        "inputs",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[list[str] | None, typer.Argument()],
    )
    record.__signature__ = inspect.Signature([*parameters, inputs])
    record.__annotations__ = {each.name: each.annotation for each in (*parameters, inputs)}
    app = typer.Typer(rich_markup_mode=None)
    app.command()(record)

    def read(words):
        seen.clear()
        try:
            app(args=list(words), standalone_mode=False)
        except typer.TyperException:
            return None
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in seen.items()}
        arguments = values.pop("inputs") or []
        given = {name: value for name, value in values.items() if value not in (None, []) and value is not False}
        return given, arguments

    return read


TYPER = oracle(POOL)
SPELLINGS = sorted({spelling for option in POOL.options().values() for spelling in option.spellings})
WORDS = st.one_of(
    st.sampled_from(SPELLINGS),
    st.sampled_from(["a.png", "-", "--", "2", "-1,0", "1.5", "-3", "", "0x10", "1e3", "nan", "--k=2", "-k2", "-rq"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(WORDS, max_size=6))
def test_words_mean_what_typer_says(words):
    """What the parser takes, Typer takes for the same; what Typer alone takes has an option where a value should be,
    or a value of a repeated option that is not used.
    """
    expected = TYPER(words)
    try:
        values, arguments = parse(POOL, words)
    except UsageError as error:
        assert expected is None or re.search("needs a value|is no (whole )?number", str(error))
        return
    assert expected is not None
    assert (sorted(map(repr, expected[0].items())), expected[1]) == (sorted(map(repr, values.items())), arguments)


def test_every_option_is_declared_once():
    """In one command no word means two things, and a word of several commands means one thing in all of them."""
    for command in COMMANDS.values():
        options = command.options().values()
        words = [word for option in options for word in (*option.spellings, *option.also)]
        assert len(words) == len(set(words)), command.name
        assert all((option.panel or panel) in PANELS for panel, _, option in command.declared())
    by_word = {}
    for command in COMMANDS.values():
        for option in command.options().values():
            by_word.setdefault(option.spellings[0], set()).add((option.kind, option.metavar))
    several = {word for word, kinds in by_word.items() if len(kinds) > 1}
    assert several == {"--output"}  # a place of outputs, or a file for a report


def test_jobs_are_auto_everywhere(samples, command):
    """The same words in every command."""
    for words in (("pool", samples / "four.png", "-o", "four.png"), ("compare", samples / "four.png")):
        assert command(*words, "--jobs", "auto").code == 0
        assert "--jobs '0' is not allowed: give a whole number" in command.refused(*words, "--jobs", "0", "--overwrite")


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        *((name.upper(), name) for name in MODES),
        ("mean", "avg"),
        ("Average", "avg"),
        ("avgpool", "avg"),
        ("AveragePooling2D", "avg"),
        ("MaxPool2d", "max"),
        ("max_pool2d", "max"),
        ("maximum", "max"),
        ("minimum", "min"),
        ("LPPool2d", "lp"),
        ("mode", "majority"),
        ("BlurPool", "blur"),
        ("soft-pool", "soft"),
    ],
)
def test_modes_go_by_many_names(samples, command, text, mode):
    """On the command line and in layers; the output is called by the usual one."""
    by_name = command("pool", samples / "four.png", "--mode", text, "--dry-run")
    assert (by_name.code, f".{mode}-" in by_name.out) == (0, True), by_name
    by_layer = command("stack", f"{text}:2", samples / "four.png", "--dry-run")
    assert (by_layer.code, f".{mode}-" in by_layer.out) == (0, True), by_layer


PICTURE = "samples/one.png"
# What is typed, and the sentence it gets.
MISTAKES = [
    ("samples/one.png", "'samples/one.png' is no command, did you mean this? poolcli pool samples/one.png"),
    ("samples/one.png --k 3", "'samples/one.png' is no command, did you mean this? poolcli pool samples/one.png --k 3"),
    ("--k 3 one.png", "'--k' is no command, did you mean this? poolcli pool --k 3 one.png"),
    ("pol one.png", "'pol' is no command, did you mean this? poolcli pool one.png"),
    ("maxpool one.png", "'maxpool' is no command, did you mean this? poolcli pool one.png"),
    ("mean one.png", "'mean' is no command, did you mean this? poolcli pool one.png --mode avg"),
    ("max:2 one.png", "'max:2' is no command, did you mean this? poolcli stack max:2 one.png"),
    ("rank photos", "'rank' is no command, did you mean this? poolcli compare photos"),
    ("wibble", "unknown command 'wibble', allowed are pool, stack, compare, diff, show, shape"),
    ("--wibble", "unknown option '--wibble', allowed are pool, stack, compare, diff, show, shape"),
    ("pool", "no input: name a picture, a folder, a glob or - (stdin), or a list with --files-from"),
    ("pool @ --kk 3", "pool has no option --kk, did you mean --k? See poolcli pool --help"),
    ("pool @ --moed max", "pool has no option --moed, did you mean --mode? See poolcli pool --help"),
    ("pool @ --wibble", "pool has no option --wibble: see poolcli pool --help"),
    ("pool @ -x", "pool has no option -x: see poolcli pool --help"),
    ("pool @ -overwrite", "'-overwrite' has one dash: did you mean '--overwrite'?"),
    ("pool @ \u2014overwrite", "'\u2014overwrite' begins with a dash that a text program made longer: type - or --"),
    ("pool @ --k", "--k needs a value, got nothing: give SIZE"),
    ("pool @ -o --overwrite", "-o needs a value, got the option --overwrite: give PLACE"),
    ("pool @ --json=yes", "--json takes no value, got 'yes': write --json alone, or leave it out"),
    ("pool @ --quality high", "--quality 'high' is no whole number: digits are allowed, as in --quality 3"),
    ("pool @ --p two", "--p 'two' is no number: digits are allowed, as in --p 0.5"),
    ("pool @ --k three", "window 'three' is not a size: N or HxW is allowed"),
    ("pool @ --mode bilinear", "unknown mode 'bilinear', did you mean 'avg'? Allowed: max, avg"),
    ("pool @ --mode gaussian", "unknown mode 'gaussian', did you mean 'blur'? Allowed: max, avg"),
    ("pool @ --mode AdaptiveAvgPool2d", "unknown mode 'AdaptiveAvgPool2d': write avg with an output size, as in"),
    ("pool @ --mode mxa", "unknown mode 'mxa', did you mean 'max'? Allowed: max, avg"),
    ("pool @ --filter sobel", "unknown filter 'sobel', did you mean 'sobel-v'? Allowed: identity, box"),
    ("pool @ --filter horizontal", "unknown filter 'horizontal', did you mean 'line-h'? Allowed: identity, box"),
    ("pool @ --filter gaussian", "unknown filter 'gaussian', did you mean 'gauss'? Allowed: identity, box"),
    ("pool @ --padding full", "padding 'full'"),
    ("pool @ --pads 1,0,1,2", "--pads '1,0,1,2' is TOP,LEFT,BOTTOM,RIGHT in ONNX, --padding is TOP,BOTTOM,LEFT,RIGHT: "
     "write --padding 1,1,0,2"),
    ("pool @ --count-include-pad", "pool has no option --count-include-pad: padding counts in averages unless"),
    ("pool @ --return-indices", "pool has no option --return-indices: indices are for Python: poolcli.pool(image, 2"),
    ("pool @ --scale 2", "pool has no option --scale: write --k N: the output is N times smaller"),
    ("pool @ --threads 2", "pool has no option --threads: write --jobs N for pictures at once, --threads-per-image"),
    ("pool @ --report pdf", "unknown report 'pdf'"),
    ("pool @ --shift left", "shift 'left' is not DX,DY: two whole numbers are allowed, as in -1,0"),
    ("pool @ --modes max,avg", "pool has no option --modes, which is one of compare: see poolcli pool --help"),
    ("stack @", "layer 'samples/one.png': unknown layer 'samples/one.png'"),
    ("stack conv:gauss @ --filter-edge zero", "stack has no option --filter-edge, which is part of a layer here: write "
     "conv:gauss,edge=zero"),
    ("stack max:2 @ --s 2", "stack has no option --s, which is part of a layer here: write max:3/2"),
    ("stack mean @", "layer 'mean': 'mean' needs a colon and what it works with, as in avg:2"),
    ("stack max:2 conv:gauss @", "'conv:gauss' looks like a layer: put all layers into one pair of quotes, as in "
     '"max:2 conv:gauss"'),
    ("modes --mode max", "modes has no option --mode, which is one of pool"),
    ("compare @ --mode", "--mode needs a value, got nothing: give LIST"),
    ("diff @", "diff needs A and B, got 1 of them; see poolcli diff -h"),
    ("diff @ b.png c.png", "diff takes A B, and got 'c.png' too: see poolcli diff -h"),
    ("modes max", "modes takes no arguments, and got 'max' too: see poolcli modes -h"),
    ("help reports", "unknown topic 'reports', did you mean 'report'? Allowed: pooling, modes"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "sentence"), MISTAKES, ids=lambda value: value[:50].replace(" ", "_"))
def test_mistakes_are_answered(samples, command, line, sentence):
    """In one sentence that says what to write instead, exit code 2, and nothing written."""
    before = sorted(samples.parent.rglob("*"))
    said = command.refused(*line.replace("@", PICTURE).split())
    assert said.startswith(f"poolcli: {sentence}"), said
    assert not re.search(r"[?.!,;:]\s*[;,:.]|\s[;,:.?]\s|\?\?", said.splitlines()[0].replace("...", ""))
    assert sorted(samples.parent.rglob("*")) == before


def test_there_are_forty_mistakes():
    """The list that is promised."""
    assert len(MISTAKES) >= 40
