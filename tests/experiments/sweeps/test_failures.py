"""What is stored of failures, and what is read of a file that is no longer whole."""

import pytest

import experiments
from experiments.sweeps.failures import attempts, failures, forget
from experiments.sweeps.report import pageOf
from experiments.sweeps.store import FAILED, Store
from tests.experiments.sweeps.stand import EXPERIMENTS, STAND
from tests.experiments.sweeps.storing import stored


@pytest.mark.parametrize("content", ["", "{", "[1]", "\0" * 50, '{"config": {}}'])
def test_aDamagedFileTellsWhatItsNameDoes(tmp_path, content):
    store = Store(stored(tmp_path / "a", STAND, {"size": [1], "happens": ["", "fail"]}))
    whole = failures(store)
    (store.root / FAILED / f"{whole[0]['cell']}-1.json").write_text(content)
    damaged, last = failures(store)
    assert (damaged["cell"], damaged["attempt"]) == (whole[0]["cell"], 1)
    assert "cannot be read" in damaged["error"] or damaged["error"] == "not told"
    assert last == whole[1]
    assert attempts(store) == {whole[0]["cell"]: 2}
    loaded = experiments.load(store.root)
    assert loaded.failures["isSkipped"].tolist() == [True, True]
    assert "a defect of size 1" in pageOf(loaded, EXPERIMENTS)
    forget(store, [whole[0]["cell"]])
    assert not failures(store)
