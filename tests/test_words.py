"""The words of a command line: how they are read, what other programs call them, and what is said of mistakes."""

import inspect
import re
import shutil
from pathlib import Path
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
from tests.images import NEEDED

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
        refused = "needs a value|is no (whole )?number|is no(t a)? size|unknown format|is not allowed"
        assert expected is None or re.search(refused, str(error))
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
        ("nearest", "center"),
        ("Nearest", "center"),
        ("centre", "center"),
    ],
)
def test_modes_go_by_many_names(samples, command, text, mode):
    """On the command line and in layers; the output is called by the usual one."""
    needed = NEEDED.get(mode, {})
    words = [word for name, value in needed.items() for word in (f"--{name}", value)]
    by_name = command("pool", samples / "four.png", "--mode", text, *words, "--format", "npy", "--dry-run")
    assert (by_name.code, f".{mode}-" in by_name.out) == (0, True), by_name
    options = "".join(f",{name}={value}" for name, value in needed.items())
    by_layer = command("stack", f"{text}:2{options}", samples / "four.png", "--format", "npy", "--dry-run")
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
    ("compare", "no input: name a picture, a folder or a glob, or a list with --files-from"),
    ("pool @ --kk 3", "pool has no option --kk, did you mean --k? See poolcli pool --help"),
    ("pool @ --moed max", "pool has no option --moed, did you mean --mode? See poolcli pool --help"),
    ("pool @ --wibble", "pool has no option --wibble: see poolcli pool --help"),
    ("pool @ -x", "pool has no option -x: see poolcli pool --help"),
    ("pool @ -overwrite", "'-overwrite' has one dash: did you mean '--overwrite'?"),
    ("pool @ \u2014overwrite", "'\u2014overwrite' begins with a dash that a text program made longer: type - or --"),
    ("pool @ --k", "--k needs a value, got nothing: give SIZE, which is: window (kernel) size, N or HxW; 2 if"),
    ("pool @ -o --overwrite", "-o needs a value, got the option --overwrite: give PLACE, which is: a file, a folder"),
    ("pool @ --padding", "--padding needs a value, got nothing: give SIZE, which is: N, HxW, TOP,BOTTOM,LEFT,RIGHT"),
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
    ("pool @ --k=", "window '' is not a size"),
    ("pool @ --filter-edge zero", "--filter-edge says what lies beyond the border for a filter: it needs --filter"),
    ("compare @ --filter-edge 0", "--filter-edge says what lies beyond the border for a filter: it needs --filter"),
    ("diff @ @ --filter-edge wrap", "--filter-edge says what lies beyond the border for a filter: it needs --filter"),
    ("show @ --filter-edge reflect", "--filter-edge says what lies beyond the border for a filter: it needs --filter"),
    ("pool @ --shift left", "shift 'left' is not DX,DY: two whole numbers are allowed, as in -1,0"),
    ("pool @ --modes max,avg", "pool has no option --modes, which is one of compare: see poolcli pool --help"),
    ("stack @", "'samples/one.png' is a file, and the layers come first: poolcli stack \"conv:sobel-v relu max:2\" "
     "samples/one.png"),
    ("stack @ max:2", "'samples/one.png' is a file, and the layers come first: poolcli stack \"max:2\" samples/"),
    ("show max:2 @", "the picture comes first: poolcli show samples/one.png \"max:2\""),
    ("shape max:2 28x28", "the size comes first: poolcli shape 28x28 \"max:2\""),
    # A word that has lost its place
    ("pool @ --k 3 3", "'3' is no file: a number belongs to an option, as in --k 3 or --k 3x2"),
    ("pool 2 @", "'2' is no file: a number belongs to an option"),
    ("pool @ --shift 1 0", "'0' is no file: a number belongs to an option"),
    ("pool max @", "'max' is no file: write --mode max, or for compare a list, as in --modes max,avg"),
    ("compare @ --modes max avg", "'avg' is no file: write --mode avg, or for compare a list, as in --modes max,avg"),
    ("pool @ sobel-v", "'sobel-v' is no file: write --filter sobel-v"),
    ("pool @ --mode max pool", "'pool' is no file: the command is given once, as the first word"),
    ("pool @ --ceil_mode True", "'True' is no file: an option such as --ceil takes no value, give it alone or leave"),
    ("pool @ --memory 2 GB", "'GB' is no file: a unit stands behind its number without a blank, as in --memory 2G"),
    ("pool @ k=3", "'k=3' is no file: write --k 3"),
    ("pool @ mode=avg", "'mode=avg' is no file: write --mode avg"),
    ("pool @ stride=1", "'stride=1' is no file: write --stride 1"),
    ("pool @ out.png", "'out.png' is no file: check its name, or write -o out.png if it is an output"),
    ("pool @ out/", "'out/' is no file: check its name, or write -o out/ if it is an output"),
    ("pool my photos/a.png", "'my' is no file: the name 'my photos/a.png' has blanks, put it into quotes"),
    ("pool 내 사진/고양이 한 마리.png -o out/", "'내' is no file: the name '내 사진/고양이 한 마리.png' has bl"),
    ("stack max:2 my photos/a.png", "'my' is no file: the name 'my photos/a.png' has blanks, put it into quotes"),
    ("pyramid a.tif b.tif", "pyramid takes INPUT, and got 'b.tif' too: write -o b.tif if it is an output, or see"),
    # Names of other programs, and values where an option stands
    ("pool @ --max", "pool has no option --max: write --mode max"),
    ("pool @ --AvgPool2d", "pool has no option --AvgPool2d: write --mode avg"),
    ("pool @ --sobel-v", "pool has no option --sobel-v: write --filter sobel-v"),
    ("pool @ --relu", "pool has no option --relu: write --activation relu"),
    ("pool @ --device cuda", "pool has no option --device: all work is done by the processor: leave it out"),
    ("pool @ --in-place", "pool has no option --in-place: inputs are never written to: name the outputs with -o"),
    ("pool -i @", "pool has no option -i: name the inputs without an option"),
    ("pool @ -y", "pool has no option -y: write --overwrite"),
    ("pool @ --MODE max", "pool has no option --MODE, did you mean --mode? See poolcli pool --help"),
    ("pool -K 3 @", "pool has no option -K, did you mean -k? See poolcli pool --help"),
    ("compare @ --report html", "compare has no option --report: write -o ranking.html, -o ranking.csv or another"),
    ("pool @ --report html,png", "--report 'html,png' is several forms: write --report html --report png"),
    ("pool @ --mode max,avg", "mode 'max,avg' is several: give one of them, or rank them with poolcli compare --modes"),
    ("pool @ --mode AvgPool3d", "unknown mode 'AvgPool3d', did you mean 'avg'? Allowed: max, avg"),
    ("pool @ --mode global", "unknown mode 'global': write avg with an output size, as in"),
    ("pool @ --mode lanczos", "unknown mode 'lanczos', did you mean 'blur'? Allowed: max, avg"),
    ("pool @ --filter none", "unknown filter 'none', did you mean 'identity'? Allowed: identity, box"),
    ("pool @ --layout channels_last", "unknown layout 'channels_last', did you mean 'hwc'? Allowed: hw, hwc"),
    ("pool samples -r -o out --include .png", "no picture among the inputs: name files, or a folder with pictures (-r "
     "for those below it); --include and --exclude match whole names, as in '*.png'"),
    ("pyramid @ --k 2", "pyramid has no option --k: write --factor N, from level to level"),
    ("diff @ b.png --report html", "diff has no option --report: write -o twins.html, -o twins.png or another form"),
    ("cog map.tif", "'cog' is no command, did you mean this? poolcli pyramid map.tif"),
    ("mode", "'mode' is no command, did you mean this? poolcli modes"),
    ("view one.png", "'view' is no command, did you mean this? poolcli show one.png"),
    ("filter one.png", "'filter' is no command, did you mean this? poolcli pool one.png --filter sobel-v"),
    ("filter", "'filter' is no command, did you mean this? poolcli filters"),
    ("-v", "'-v' is no command, did you mean this? poolcli --version"),
    ("compare @ --compression zstd", "compare has no option --compression, which is one of pool"),
    ("diff @ b.png --threads 3", "diff has no option --threads: see poolcli diff --help"),
    ("pool @ --journal=", "--journal is empty, as where a shell variable is not set: name a folder"),
    ("stack --recipe= @", "--recipe is empty, as where a shell variable is not set: name a file"),
    ("show @ --output=", "-o is empty, as where a shell variable is not set: name a page, as in -o page.html"),
    ("pool @ --k 1_0", "window '1_0' is not a size: N or HxW is allowed"),
    ("pool @ --ignore 1_0", "--ignore '1_0' is not allowed: give a number, nan"),
    # Layers
    ("stack MaxPool2d(2) @", "layer 'MaxPool2d(2)': 'MaxPool2d(2)' is Python: write max:2, with a stride max:3/2"),
    ("stack max:2,avg:2 @", "layer 'max:2,avg:2': layers stand between blanks, as in \"max:2 avg:2\""),
    ("stack max:2->relu @", "layer 'max:2->relu': layers stand between blanks, as in \"max:2 relu\""),
    ("stack max:2,stride=1 @", "layer 'max:2,stride=1': 'stride' is no option but a part of the window: write it as in "
     "max:3/2"),
    ("stack max:2,kernel_size=3 @", "layer 'max:2,kernel_size=3': 'kernel_size' is no option but a part of the window"),
    ("stack max:k=2 @", "layer 'max:k=2': the window's size stands alone: write it as in max:2, a stride as in"),
    ("stack max:2, @", "layer 'max:2,': layers stand between blanks alone, without ','"),
    ("stack relu:2 @", "layer 'relu:2': 'relu' takes nothing after a colon, and got '2': write relu"),
    ("stack conv:gauss @ --filter-edge zero", "stack has no option --filter-edge, which is part of a layer here: write "
     "conv:gauss,edge=zero"),
    ("stack max:2 @ --s 2", "stack has no option --s, which is part of a layer here: write max:3/2"),
    ("stack mean @", "layer 'mean': 'mean' needs a colon and what it works with, as in avg:2"),
    ("stack max:2 conv:gauss @", "'conv:gauss' reads as a layer: put all layers into one pair of quotes, as in "
     '"max:2 conv:gauss"'),
    ("modes --mode max", "modes has no option --mode, which is one of pool"),
    ("compare @ --mode", "--mode needs a value, got nothing: give LIST"),
    ("diff @", "diff needs A and B, got 1 of them; see poolcli diff -h"),
    ("diff @ b.png c.png", "diff takes A B, and got 'c.png' too: write -o c.png if it is an output, or see poolcli"),
    ("modes max", "modes takes no arguments, and got 'max' too: see poolcli modes -h"),
    ("help reports", "unknown topic 'reports', did you mean 'report'? Allowed: pooling, modes"),
    ("help stride", "unknown topic 'stride', did you mean 'pooling'? Allowed: pooling, modes"),
    ("help labels", "unknown topic 'labels', did you mean 'masks'? Allowed: pooling, modes"),
    ("help json", "unknown topic 'json', did you mean 'shell'? Allowed: pooling, modes"),
    ("help residual", "unknown topic 'residual', did you mean 'report'? Allowed: pooling, modes"),
    ("help resume", "unknown topic 'resume', did you mean 'folders'? Allowed: pooling, modes"),
    ("help gauss", "unknown topic 'gauss', did you mean 'filters'? Allowed: pooling, modes"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "sentence"), MISTAKES, ids=lambda value: value[:50].replace(" ", "_"))
def test_mistakes_are_answered(samples, command, line, sentence):
    """In one sentence that says what to write instead, exit code 2, and nothing written."""
    for folder, name in (("my photos", "a.png"), ("내 사진", "고양이 한 마리.png")):
        Path(folder).mkdir()
        shutil.copy(samples / "four.png", Path(folder, name))
    before = sorted(samples.parent.rglob("*"))
    said = command.refused(*line.replace("@", PICTURE).split())
    assert said.startswith(f"poolcli: {sentence}"), said
    assert not re.search(r"[?.!,;:]\s*[;,:.]|\s[;,:.?]\s|\?\?", said.splitlines()[0].replace("...", ""))
    assert sorted(samples.parent.rglob("*")) == before


def test_there_are_forty_mistakes():
    """The list that is promised, and a second one."""
    assert len(MISTAKES) >= 80


@pytest.mark.parametrize(
    "words",
    [
        ("--filter", "SOBEL-V"),
        ("--filter", "Gauss5"),
        ("--filter", "BOX3", "--filter-edge", "WRAP"),
        ("--activation", "ReLU"),
        ("--mode", "blur", "--edge", "Wrap"),
        ("--padding", "SAME"),
        ("--report", "HTML"),
        ("--format", "NPY"),
        ("--engine", "Serial"),
        ("--jobs", "AUTO", "--threads-per-image", "Auto"),
    ],
    ids=" ".join,
)
def test_values_are_taken_in_any_case(samples, command, words):
    """Those that are names of a list."""
    ran = command("pool", samples / "four.png", "--dry-run", *words)
    lower = command("pool", samples / "four.png", "--dry-run", *(word.lower() for word in words))
    assert (ran.code, ran.out) == (0, lower.out), ran


def test_layers_are_taken_in_any_case(samples, command):
    """As the values of options are."""
    ran = command("stack", "Conv:Sobel-V ReLU MAX:2", samples / "four.png", "--dry-run")
    assert (ran.code, ran.out) == (0, command("stack", "conv:sobel-v relu max:2", samples / "four.png", "-n").out), ran
    layers = "conv:Gauss5,edge=Wrap blur:3/1,edge=REFLECT majority:2,ties=First"
    ran = command("stack", layers, samples / "four.png", "-n")
    assert (ran.code, ran.out) == (0, command("stack", layers.lower(), samples / "four.png", "-n").out), ran


@pytest.mark.parametrize(
    ("name", "meant"),
    [("oen.png", "one.png"), ("One.PNG", "one.png"), ("foto.jpg", "photo.jpg"), ("nothing-like-it.png", None)],
)
def test_a_name_with_a_slip_is_answered_with_the_file(samples, command, name, meant):
    """In the same folder; a name like none there gets advice."""
    said = command.refused("pool", samples / name, "-o", "out/", code=1)
    ending = f", did you mean '{meant}'?" if meant else "; check its name and permissions"
    assert said.strip().endswith(f"the file cannot be opened (No such file or directory){ending}"), said
