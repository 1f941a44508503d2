import importlib.util
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.skipif(
    settings.get_current_profile_name() != "same", reason="new examples were asked for with HYPOTHESIS_PROFILE"
)


def drawn():
    seen = []

    @given(st.integers(), st.floats(), st.text())
    def watch(number, real, text):
        seen.append((number, repr(real), text))

    watch()
    return seen


def test_properties_see_the_same_examples_each_time():
    assert drawn() == drawn()


def test_modules_loaded_meanwhile_bring_no_other_examples(tmp_path):
    before = drawn()
    source = tmp_path / "meanwhile.py"
    source.write_text("\n".join(f"n{n} = ({n}_123_457, {n}.123457, 'word {n}')" for n in range(1, 200)))
    spec = importlib.util.spec_from_file_location("meanwhile", source)
    sys.modules["meanwhile"] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(sys.modules["meanwhile"])
        assert drawn() == before
    finally:
        del sys.modules["meanwhile"]
