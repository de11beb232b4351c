"""Enabling, disabling, and everything that may be wrong with a plugin: one clear line, and the program runs on."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace import _settings as settings
from autotrace._instrumentation import installed
from autotrace.errors import PluginError, SettingsError
from autotrace.testing import Capture

Diagnosed = Callable[[], list[dict[str, Any]]]
CHAT = "Client.chat"


@pytest.mark.parametrize("first", ["enable", "import"])
def test_a_library_is_traced_whichever_comes_first(library: Any, captured: Capture, first: str) -> None:
    if first == "import":
        client = library.client.Client()
    autotrace.enable(library.name)
    if first == "enable":
        assert library.name not in sys.modules
        assert library.plugin not in sys.modules
        client = library.client.Client()
    client.chat("m")
    assert len(captured.spans) == 1


def test_disable_puts_the_very_functions_back_and_enable_works_again(library: Any, captured: Capture) -> None:
    original = library.function(CHAT)
    finders = list(sys.meta_path)
    for _ in range(3):
        autotrace.enable(library.name)
        autotrace.enable(library.name)
        library.client.Client().chat("m")
        autotrace.disable(library.name)
        assert library.function(CHAT) is original
        assert library.status["state"] == "disabled"
        library.client.Client().chat("m")
    assert len(captured.spans) == 3
    autotrace.disable()
    assert [finder for finder in sys.meta_path if finder not in finders] == []


def test_a_reloaded_library_is_traced_again(library: Any, captured: Capture) -> None:
    autotrace.enable(library.name)
    module = importlib.reload(library.client)
    module.Client().chat("m")
    assert len(captured.spans) == 1


@pytest.mark.parametrize("imported_before", [False, True])
def test_a_module_that_is_executed_by_hand_is_traced(library: Any, captured: Capture, imported_before: bool) -> None:
    original = library.function(CHAT) if imported_before else None
    autotrace.enable(library.name)
    if imported_before:
        library.client.Client().chat("m")
    path = importlib.import_module(library.name).__path__
    spec = sys.meta_path[0].find_spec(f"{library.name}.client", path)
    assert spec is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    assert module is not sys.modules.get(spec.name)
    module.Client().chat("m")
    assert len(captured.spans) == 1 + imported_before
    autotrace.disable()
    module.Client().chat("m")
    assert len(captured.spans) == 1 + imported_before
    assert not hasattr(module.Client.chat, "__wrapped__")
    assert original is None or library.function(CHAT) is original


def test_status_says_what_is_where(library: Any) -> None:
    autotrace.enable(library.name)
    before = library.status
    assert (before["state"], before["targets"]) == ("waiting", {})
    assert library.name in before["reason"]
    importlib.import_module(library.name)
    key = f"{library.name}.client:{CHAT}"
    assert library.status["targets"][key]["state"] == "waiting"
    assert library.client
    after = library.status
    assert (after["state"], after["distribution"], after["version"]) == ("patched", library.distribution, "0.3")
    assert (after["targets"][key]["state"], after["targets"][key]["reason"]) == ("patched", None)


def test_a_plugin_answers_to_its_own_name_as_well(library: Any) -> None:
    library.install("autotrace-acmecloud")
    (library.site / f"{library.distribution.replace('-', '_')}-0.3.dist-info" / "entry_points.txt").unlink()
    autotrace.enable("acmecloud")
    assert library.status["state"] == "waiting"


def test_a_plugin_that_is_declared_wrongly_is_said_with_its_name_and_line(
    library: Any, diagnosed: Diagnosed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "strict", False)
    source = (library.site / f"{library.plugin}.py").read_text()
    library.write(f"{library.plugin}.py", source.replace('"model": "model"', '"modle": "model"'))
    autotrace.enable(library.name)
    assert library.client.ask("m") is None
    (line,) = diagnosed()
    assert line["message"].startswith(f"{library.distribution} 0.3: ")
    assert "Operation 'chat': request: 'modle' is not a known field; did you mean 'model'?" in line["message"]
    assert line["at"].startswith(str(library.site / f"{library.plugin}.py:"))


def test_one_function_under_two_names_is_traced_once_and_said(library: Any, captured: Capture, diagnosed: Diagnosed) -> None:
    library.write(f"{library.name}/__init__.py", "from .client import ask\n")
    source = (library.site / f"{library.plugin}.py").read_text()
    twice = f"    targets={{'{library.name}:ask': CHAT}} | {{"
    library.write(f"{library.plugin}.py", source.replace("    targets={", twice))
    autotrace.enable(library.name)
    library.client.ask("m")
    assert len(captured.spans) == 1
    assert library.status["targets"][f"{library.name}:ask"]["state"] == "failed"
    (line,) = diagnosed()
    assert f"{library.name}:ask is the same function as {library.name}.client:ask; declare one of the two" in line["message"]


def test_a_route_that_gives_something_else_is_counted_and_named_and_the_call_goes_through(
    library: Any, captured: Capture, diagnosed: Diagnosed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "strict", False)
    monkeypatch.setattr(diagnostics, "failures", diagnostics.Failures())
    source = OWN_OPTION.replace('return Operation("chat", request={{"model": "model"}})', 'return "chat"')
    library.write(f"{library.plugin}.py", source.format(name=library.name))
    autotrace.enable(library.name)
    assert library.client.ask("m", answer=7) == 7
    assert captured.spans == []
    (line,) = diagnosed()
    key = f"{library.name}.client:ask"
    told = f"{library.distribution} {key}: DeclarationError: the route of {key} returned 'chat'; it must return an Operation"
    assert line["message"].startswith(told)
    assert diagnostics.failures[f"{library.distribution} {key}"] == 1


def variable(library: Any, name: str) -> str:
    return f"AUTOTRACE_{library.name}_{name}".upper()


@pytest.mark.parametrize(
    ("argument", "in_variable", "in_file", "expected"),
    [(None, None, 5, 5), (None, "4", 5, 4), (3, "4", 5, 3), (None, None, None, 1)],
)
def test_a_plugins_own_option_comes_from_argument_variable_file_or_default(
    library: Any,
    captured: Capture,
    monkeypatch: pytest.MonkeyPatch,
    argument: Any,
    in_variable: Any,
    in_file: Any,
    expected: int,
) -> None:
    library.write(f"{library.plugin}.py", OWN_OPTION.format(name=library.name))
    monkeypatch.chdir(library.site)
    if in_file is not None:
        library.write("pyproject.toml", f"[tool.autotrace.{library.name}]\ntimes = {in_file}\nloud = true\n")
    if in_variable is not None:
        monkeypatch.setenv(variable(library, "times"), in_variable)
    autotrace.enable(library.name, **({} if argument is None else {"times": argument}))
    library.client.ask("m")
    assert sys.modules[library.plugin].seen == [{"loud": in_file is not None, "times": expected}]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("times", "often", "expected int, got 'often'; it says how often. The value is ignored"),
        ("tines", "3", "has no setting 'tines'; did you mean 'times'? The value is ignored."),
        ("content", "maybe", "expected on or off, got 'maybe'"),
    ],
)
def test_a_wrong_option_in_the_environment_is_said_when_the_plugin_is_there(
    library: Any, captured: Capture, diagnosed: Diagnosed, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    library.write(f"{library.plugin}.py", OWN_OPTION.format(name=library.name))
    monkeypatch.setenv(variable(library, name), value)
    autotrace.enable()
    assert diagnosed() == []
    library.client.ask("m")
    (line,) = diagnosed()
    assert variable(library, name) in line["message"]
    assert says in line["message"]
    assert sys.modules[library.plugin].seen == [{"loud": False, "times": 1}]


@pytest.mark.parametrize("said", ["off", "maybe"])
def test_content_of_one_library_can_be_kept_out_by_variable(
    library: Any, captured: Capture, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv(variable(library, "content"), said)
    autotrace.enable(library.name, content=True)
    library.client.ask("m")
    library.client.Client().chat("m", [{"role": "user", "parts": []}])
    assert ["gen_ai.input.messages" in span["attributes"] for span in captured.spans] == [False, False]


def test_a_table_that_no_plugin_answers_to_is_said(library: Any, diagnosed: Diagnosed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(library.site)
    library.write("pyproject.toml", f"[tool.autotrace.{library.name}x]\nloud = true\n")
    autotrace.enable()
    (line,) = diagnosed()
    assert f"no plugin for '{library.name}x' is installed; did you mean '{library.name}'?" in line["message"]


@pytest.mark.parametrize(
    ("given", "name"),
    [("{name}_CONTNET", None), ("{name}X_CONTENT", "{name}_CONTENT"), ("FILE_KEPE", "FILE_KEEP"), ("NOTHING_LIKE_IT", None)],
)
def test_a_mistyped_variable_of_a_library_is_said_with_the_right_name(
    library: Any, diagnosed: Diagnosed, monkeypatch: pytest.MonkeyPatch, given: str, name: str | None
) -> None:
    variable = "AUTOTRACE_" + given.format(name=library.name.upper())
    monkeypatch.setenv(variable, "2")
    autotrace.enable()
    said = [line["message"] for line in diagnosed()]
    if "CONTNET" in given:
        assert said == []  # until the plugin is loaded
        assert library.client
        (text,) = [line["message"] for line in diagnosed()]
        assert text.endswith("'contnet'; did you mean 'content'? The value is ignored.")
    else:
        (text,) = said
        right = None if name is None else "AUTOTRACE_" + name.format(name=library.name.upper())
        assert text.endswith("; `autotrace doctor` lists the settings" if right is None else f"; did you mean {right!r}?")


@pytest.mark.parametrize("where", ["argument", "file", "variable"])
def test_a_library_in_the_place_of_a_setting_is_said_with_the_ways_to_name_it(
    library: Any, diagnosed: Diagnosed, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.chdir(library.site)
    ways = f'use enable("{library.name}", …), exclude=["{library.name}"], or the table [tool.autotrace.{library.name}]'
    if where == "variable":
        monkeypatch.setenv(f"AUTOTRACE_{library.name.upper()}", "off")
        autotrace.enable()
        assert diagnosed()[0]["message"].endswith(f"; '{library.name}' is a library: {ways}")
        return
    if where == "file":
        library.write("pyproject.toml", f"[tool.autotrace]\n{library.name} = false\n")
    with pytest.raises(SettingsError) as raised:
        autotrace.enable(content=False, **({library.name: True} if where == "argument" else {}))
    assert str(raised.value).endswith(f"'{library.name}' is not a known setting; '{library.name}' is a library: {ways}")
    assert settings.current.get("content") is True


@pytest.mark.parametrize("way", ["argument", "variable", "file"])
def test_of_two_plugins_for_one_library_the_preferred_one_answers(
    library: Any, captured: Capture, diagnosed: Diagnosed, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    library.install("zz-other")
    monkeypatch.chdir(library.site)
    if way == "variable":
        monkeypatch.setenv("AUTOTRACE_PREFER", "zz-other, some-other")
    elif way == "file":
        library.write("pyproject.toml", '[tool.autotrace]\nprefer = "zz-other"\n')
    autotrace.enable(**({"prefer": "zz-other"} if way == "argument" else {}))
    library.client.ask("m")
    assert captured.spans[0]["scope"]["name"] == library.status["distribution"] == "zz-other"
    (line,) = diagnosed()
    assert f"{library.distribution}: refused, because zz-other already traces {library.name}" in line["message"]
    assert f"AUTOTRACE_PREFER={library.distribution}" in line["message"]


def test_excluded_libraries_are_left_alone(library: Any) -> None:
    autotrace.enable(exclude=[library.name])
    assert library.status["state"] == "disabled"


@pytest.mark.parametrize("name", ["package", "distribution"])
def test_every_call_takes_the_same_names_and_one_name_need_not_be_in_a_list(library: Any, name: str) -> None:
    given = library.name if name == "package" else library.distribution
    autotrace.enable(exclude=given)
    assert library.status["state"] == "disabled"
    autotrace.enable(given)
    assert library.status["state"] == "waiting"
    autotrace.disable(given)
    assert library.status["state"] == "disabled"


def test_the_operator_can_always_switch_off(library: Any, captured: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACE", "0")
    autotrace.enable(library.name)
    library.client.Client().chat("m")
    with autotrace.span("manual"):
        pass
    assert captured.spans == []


@pytest.mark.parametrize("how", ["option", "library option", "environment"])
def test_without_content_nothing_that_was_said_is_in_the_record(
    library: Any, captured: Capture, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "environment":
        monkeypatch.setenv("AUTOTRACE_CONTENT", "off")
    autotrace.enable(
        *([library.name] if how == "library option" else []), **({} if how == "environment" else {"content": False})
    )
    library.client.Client().chat("m", ["the-prompt"], answer={"id": "r", "text": "the-answer"})
    (span,) = captured.spans
    assert "the-" not in str(span)
    assert span["attributes"]["gen_ai.response.id"] == "r"


def test_an_unknown_library_is_one_error_that_says_what_to_do(library: Any) -> None:
    with pytest.raises(PluginError) as raised:
        autotrace.enable(library.name + "x")
    text = str(raised.value)
    assert text.startswith(
        f"no plugin for '{library.name}x' is installed; did you mean '{library.name}'? Its distribution would be"
    )
    assert f" would be autotrace-{library.name}x. Installed: " in text
    assert library.name in text.partition("Installed: ")[2].split(", ")
    with pytest.raises(PluginError, match=r"pip install autotrace-nothing-of-the-kind\. Installed: "):
        autotrace.disable("nothing-of-the-kind")


@pytest.mark.parametrize(
    ("name", "extras", "says"),
    [
        (
            "zeta",
            ["zeta"],
            """no plugin for 'zeta' is installed; install it with: pip install "llm-autotrace[zeta]". Installed: none""",
        ),
        ("zeta.api", ["zeta-api"], """pip install "llm-autotrace[zeta-api]". Installed: none"""),
        ("autotrace-zeta", ["zeta"], """pip install "llm-autotrace[zeta]". Installed: none"""),
        ("zetta", ["zeta"], """; did you mean 'zeta'? Install it with: pip install "llm-autotrace[zeta]". Installed: none"""),
        ("zeta", [], "; install it with: pip install autotrace-zeta. Installed: none"),
        ("no name", [], "; expected the import package of a library, or the name of its plugin. Installed: none"),
    ],
)
def test_a_missing_plugin_is_said_with_the_command_that_installs_it(
    tmp_path: Path, name: str, extras: list[str], says: str
) -> None:
    folder = tmp_path / "llm_autotrace-0.1.dist-info"
    folder.mkdir()
    required = [f"Requires-Dist: autotrace-{extra}<0.2,>=0.1; extra == '{extra}'\n" for extra in extras]
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: llm-autotrace\nVersion: 0.1\n" + "".join(required))
    program = f"""
import sys
sys.path[:] = [{str(tmp_path)!r}, {str(Path(autotrace.__file__).parents[1])!r}, *(p for p in sys.path if "-packages" not in p)]
import autotrace
try:
    autotrace.enable({name!r})
except autotrace.errors.PluginError as exc:
    print(exc)
"""
    done = subprocess.run([sys.executable, "-S", "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.endswith(f"{says}\n")


def client_of(name: str) -> Any:
    return importlib.import_module(f"{name}.client")


class AClient:
    def __repr__(self) -> str:
        return "a secret"


@pytest.mark.parametrize(
    ("call", "given", "says"),
    [
        ("enable", lambda name: [name], """: expected names of libraries, such as enable("{name}"), got ['{name}']"""),
        ("enable", lambda name: None, """: expected names of libraries, such as enable("…"), got None"""),
        ("enable", lambda name: True, """, such as enable("…"), got True"""),
        ("enable", importlib.import_module, """, such as enable("{name}"), got the module {name}"""),
        ("enable", lambda name: client_of(name), """, such as enable("{name}"), got the module {name}.client"""),
        ("enable", lambda name: client_of(name).Client(), """ enable("{name}"), got an object of the class Client"""),
        ("enable", lambda name: client_of(name).Client, """ enable("{name}"), got the class Client"""),
        ("enable", lambda name: AClient(), """ enable("…"), got an object of the class AClient"""),
        ("exclude", lambda name: None, """: exclude: expected names of libraries, such as enable(exclude=["…"]), got None"""),
        ("exclude", lambda name: [name, 5], """, such as enable(exclude=["…"]), got 5"""),
        ("disable", lambda name: 5, """: expected names of libraries, such as disable("…"), got 5"""),
    ],
)
def test_what_is_not_a_name_is_one_error_with_an_example(
    library: Any, call: str, given: Callable[[str], Any], says: str
) -> None:
    function: Any = autotrace.disable if call == "disable" else autotrace.enable
    argument = given(library.name)
    with pytest.raises(SettingsError) as raised:
        function(exclude=argument) if call == "exclude" else function(argument)
    text = str(raised.value)
    assert text.startswith(f"{function.__name__}(): ")
    alias = text.partition('"')[2].partition('"')[0]
    assert alias in {name for plugin in installed.values() for name in plugin.names}
    assert says.format(name=library.name).replace("…", alias) in text
    assert library.status["state"] == "disabled"


def test_an_unknown_option_is_one_error_and_nothing_is_enabled(library: Any) -> None:
    with pytest.raises(SettingsError, match="did you mean 'content'"):
        autotrace.enable(library.name, contnet=False)
    with pytest.raises(SettingsError, match=f"'host' is not .*; {library.distribution} has the options: content$"):
        autotrace.enable(library.name, host="x")
    assert library.status["state"] == "disabled"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise RuntimeError('broken')", "RuntimeError: broken"),
        ("import a_module_that_is_not_there", "ModuleNotFoundError"),
        ("instrumentor = 3", "expected an Instrumentor, got int"),
        ("from autotrace.plugin import Operation; Operation('chat', request={'modle': 'm'})", "did you mean 'model'"),
        ("x = 1", "AttributeError"),
    ],
)
def test_a_broken_plugin_is_one_line_and_its_library_works(
    library: Any, captured: Capture, diagnosed: Diagnosed, source: str, reason: str
) -> None:
    library.write(f"{library.plugin}.py", source)
    autotrace.enable()
    assert library.client.Client().chat("m", answer=3) == 3
    said = [line for line in diagnosed() if library.distribution in line["message"]]
    assert [line["event"] for line in said] == ["autotrace.plugin"]
    assert reason in said[0]["message"]
    assert library.status["state"] == "failed"
    assert reason in library.status["reason"]


def test_targets_that_are_gone_are_one_line_and_the_others_work(library: Any, captured: Capture, diagnosed: Diagnosed) -> None:
    text = (library.site / f"{library.plugin}.py").read_text().replace('"Client.achat"', '"Client.gone", "Gone.chat"')
    library.write(f"{library.plugin}.py", text)
    autotrace.enable(library.name)
    library.client.Client().chat("m")
    assert len(captured.spans) == 1
    (said,) = diagnosed()
    assert said["event"] == "autotrace.target"
    assert "Client has no gone" in said["message"]
    assert "5 of its 7 targets are active" in said["message"]
    states = {key.partition(":")[2]: target["state"] for key, target in library.status["targets"].items()}
    assert (states["Client.gone"], states["Gone.chat"], states["Client.chat"]) == ("missing", "missing", "patched")


def test_a_version_that_the_plugin_does_not_know_is_one_line(library: Any, captured: Capture, diagnosed: Diagnosed) -> None:
    library.write(f"{library.name}/__init__.py", "__version__ = '0.9'")
    autotrace.enable(library.name)
    library.client.Client().chat("m")
    assert len(captured.spans) == 1
    (said,) = diagnosed()
    assert said["event"] == "autotrace.version"
    assert f"{library.name}>=1" in said["message"]
    assert "0.9" in said["message"]


def test_of_two_plugins_for_one_library_the_second_is_refused(library: Any, captured: Capture, diagnosed: Diagnosed) -> None:
    library.install("zz-other", value="zz_other:instrumentor")
    autotrace.enable(library.name)
    library.client.Client().chat("m")
    assert len(captured.spans) == 1
    assert "zz-other: refused" in diagnosed()[0]["message"]


def test_a_library_with_a_hook_of_its_own_gets_it_installed_and_taken_off(library: Any, captured: Capture) -> None:
    library.write(
        f"{library.plugin}.py",
        """
        from autotrace.plugin import Instrumentor, Operation, start
        EVENT = Operation("chat", request={"model": "model"})
        def install(module):
            module.on_event = lambda model: start(EVENT, {"model": model}).finish()
            def undo():
                del module.on_event
            return undo
        instrumentor = Instrumentor(provider="acme", on_ready=install)
        """,
    )
    autotrace.enable(library.name)
    root = importlib.import_module(library.name)
    root.on_event("m")
    (span,) = captured.spans
    assert (span["name"], span["scope"]["library"]) == ("chat m", library.name)
    autotrace.disable(library.name)
    assert not hasattr(root, "on_event")


def test_the_hook_of_a_library_stays_when_a_second_module_of_its_name_is_executed_by_hand(library: Any) -> None:
    library.write(
        f"{library.plugin}.py",
        """
        from autotrace.plugin import Instrumentor
        def install(module):
            module.hooked = True
            return lambda: delattr(module, "hooked")
        instrumentor = Instrumentor(provider="acme", on_ready=install)
        """,
    )
    autotrace.enable(library.name)
    spec = importlib.util.find_spec(library.name)
    assert spec is not None
    assert spec.loader is not None
    root = importlib.import_module(library.name)
    by_hand = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(by_hand)
    assert (root.hooked, by_hand.hooked) == (True, True)
    importlib.reload(root)
    assert (root.hooked, by_hand.hooked) == (True, True)
    autotrace.disable(library.name)
    assert not hasattr(root, "hooked")
    assert not hasattr(by_hand, "hooked")


def test_no_failure_of_a_plugins_hook_reaches_the_import(
    library: Any, monkeypatch: pytest.MonkeyPatch, diagnosed: Diagnosed
) -> None:
    monkeypatch.setattr(diagnostics, "strict", False)
    library.write(
        f"{library.plugin}.py",
        "from autotrace.plugin import Instrumentor\ninstrumentor = Instrumentor(on_ready=lambda module: 1 / 0)",
    )
    autotrace.enable(library.name)
    importlib.import_module(library.name)
    assert "ZeroDivisionError" in diagnosed()[0]["message"]
    diagnostics.failures.clear()


HEAVY = "wrapt msgspec structlog asyncio logging typing inspect threading tomllib importlib.metadata importlib_metadata json"


def test_enabling_imports_next_to_nothing() -> None:
    program = f"""
import sys
before = set(sys.modules)
import autotrace
autotrace.enable()
new = set(sys.modules) - before
print(sorted(new & set({HEAVY.split()!r})), len(new))
assert not new & set({HEAVY.split()!r}), new
assert len(new) <= 15, sorted(new)
"""
    subprocess.run([sys.executable, "-I", "-c", program], check=True)


OWN_OPTION = """
from autotrace.plugin import Instrumentor, Operation, Option

seen = []
OPTIONS = {{"loud": Option(False, "says it aloud"), "times": Option(1, "says how often")}}

def route(call):
    seen.append(dict(call.options))
    return Operation("chat", request={{"model": "model"}})

instrumentor = Instrumentor(
    provider="acme", requires="{name}>=1", targets={{"{name}.client:ask": route}}, options=OPTIONS
)
"""


def test_a_plugins_own_options_are_asked_of_it_and_reach_its_routes(library: Any, captured: Capture) -> None:
    library.write(f"{library.plugin}.py", OWN_OPTION.format(name=library.name))
    autotrace.enable(library.name, loud=True)
    assert library.name not in sys.modules
    library.client.ask("m")
    autotrace.enable(library.name, times=3)
    library.client.ask("m")
    autotrace.enable(library.name, loud="off", times="2")
    library.client.ask("m")
    autotrace.disable()
    autotrace.enable(library.name)
    library.client.ask("m")
    assert sys.modules[library.plugin].seen == [
        {"loud": True, "times": 1},
        {"loud": True, "times": 3},
        {"loud": False, "times": 2},
        {"loud": False, "times": 1},
    ]
    assert len(captured.spans) == 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"laud": True}, "did you mean 'loud'"),
        ({"times": "many"}, "expected int, got 'many'; it says how often"),
        ({"times": True}, "expected int, got True"),
        ({"loud": True, "content": "perhaps"}, "expected on or off, got 'perhaps'"),
    ],
)
def test_a_wrong_option_of_a_plugin_is_one_clear_error_and_none_is_taken(
    library: Any, captured: Capture, options: dict[str, Any], says: str
) -> None:
    library.write(f"{library.plugin}.py", OWN_OPTION.format(name=library.name))
    with pytest.raises(SettingsError, match=says):
        autotrace.enable(library.name, **options)
    autotrace.enable(library.name)
    library.client.ask("m")
    assert sys.modules[library.plugin].seen == [{"loud": False, "times": 1}]
