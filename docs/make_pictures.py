"""Makes the pictures in docs/pictures/ from the real window and engine.

    xvfb-run python docs/make_pictures.py [sample cifar transformer large] [--out DIR]

'sample' and 'large' need nothing, the others what their options name: a classifier with its pictures (train
and test, a folder a class), and a transformer for digits (python -m bench.train_transformer makes it).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench"), str(ROOT / "docs")]

from photographer import LOOKS, Photographer  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from core.values import DataSpec, Preprocess  # noqa: E402
from gui.netron_page import register_scheme  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
CIFAR10 = Preprocess(mean=(125.307, 122.961, 113.8575), std=(62.985, 62.0925, 66.708))
TRAIN, TEST = 30, 60
"""Pictures of each class that are used."""
LARGE_NODES, LARGE_MEGABYTES = 20_000, 20.0


def sample(camera: Photographer, options: argparse.Namespace) -> None:
    """The guide's way: from the first screen to a file, as a person goes it."""
    window, session, main = camera.window, camera.session, camera.window.main
    camera.take("start")
    window.help.tour.start(with_keyboard=False)
    camera.take("tour")
    place = Path(tempfile.gettempdir()) / "samples"  # the window shows where things lie: a neutral place
    shutil.copytree(ROOT / "resources" / "samples", place, dirs_exist_ok=True)
    data = DataSpec(
        path=str(place / "digits" / "test"),
        calibration_path=str(place / "digits" / "train"),
        preprocess=Preprocess(mean=(0,), std=(255,), layout="NCHW", color="GRAY"),
    )
    session.open_model(str(place / "digits_resnet.onnx"), data)
    camera.wait(lambda: session.data is not None and session.job is None)
    session.select(session.model.layers[0].id)  # as a click on the button does, by the focus that goes on
    camera.take("goal")
    window.help.tour.end()
    window.commands.go_on()
    camera.wait(lambda: len(session.points) > len(session.model.layers) // 2)
    camera.take("search", 0.2)
    camera.idle()
    camera.take("plan")
    window.commands.go_on()
    camera.wait(lambda: len(session.run_points) > len(session.model.layers) // 2)
    camera.take("run", 0.1)
    camera.idle()
    camera.take("made")
    session.export(str(place / "digits_resnet-secateur.onnx"))
    camera.idle()
    camera.take("saved")
    window.commands.go_on()
    camera.wait(lambda: window.comparing.complete)
    camera.take("changed")
    assert main.changed.isVisible()


def cifar(camera: Photographer, options: argparse.Namespace) -> None:
    """Every panel, on a network for photographs."""
    window, session, main = camera.window, camera.session, camera.window.main
    camera.take("start")
    place = some_of(options.pictures)
    model = Path(shutil.copy(options.model, place.parent))
    session.open_model(str(model), DataSpec(path=str(place), preprocess=CIFAR10))
    camera.wait(lambda: session.data is not None and session.job is None)
    camera.take("opened")
    main.show_data()
    camera.take("data")
    main.show_work()
    session.analyze()
    camera.wait(lambda: session.job is not None and session.job.done > session.job.total // 3 > 0)
    camera.take("analyzing", 0.1)
    camera.idle()
    layers = [layer.id for layer in session.model.layers]
    session.select(layers[len(layers) // 2])
    main.tabs.setCurrentWidget(main.best)
    main.best.draw_button.click()
    camera.idle()
    session.set_layers([layers[len(layers) // 2]], "", sparsity=0.6)
    session.set_layers(layers[-5:-2], "", sparsity=0.5)
    session.set_layers([layers[-2]], "", weight_bits=4)
    camera.settle(1.0)
    camera.wait(lambda: session.plan_is_measured)
    tabs(camera, ("overview", "best", "method"))
    window.commands.take_snapshot()
    main.tabs.setCurrentWidget(main.advice)
    main.advice.blame.button.click()
    camera.idle()
    camera.take("advice")
    main.tabs.setCurrentWidget(main.run_view)
    session.run()
    camera.wait(lambda: len(session.run_points) >= len(layers) * 2 // 3)
    camera.take("running", 0.1)
    camera.idle()
    camera.take("done")
    session.set_layers(layers[1:9], "", weight_bits=6)
    camera.settle(1.0)
    camera.wait(lambda: session.plan_is_measured)
    window.commands.take_snapshot()
    camera.take("snapshots")
    session.undo_stack.undo()
    main.tabs.setCurrentWidget(main.changed)
    camera.wait(lambda: window.comparing.complete)
    camera.take("changed")
    main.changed.show_matrix.setChecked(True)
    camera.take("confusions")
    main.tabs.setCurrentWidget(main.side)
    camera.settle(2.0)
    camera.take("side")
    netron(camera)
    main.tabs.setCurrentWidget(main.run_view)
    session.export(str(model.with_name(f"{model.stem}-secateur.onnx")))
    camera.idle()
    camera.take("exported")
    for name in ("glossary", "keys"):
        window.help.show(name)
        camera.take(name, of=lambda name=name: window.help.dialogs[name])
        window.help.dialogs[name].close()


def netron(camera: Photographer) -> None:
    """The model in Netron, in the colours of the layers' sizes; not where no browser can run."""
    main = camera.window.main
    paint(camera, "size")
    main.tabs.setCurrentWidget(main.netron)
    camera.wait(lambda: main.netron.state not in ("empty", "loading"))
    if main.netron.state == "drawn":
        camera.take("netron", 1.5, ready=lambda: main.netron.state == "drawn")
    paint(camera, "sensitivity")


def transformer(camera: Photographer, options: argparse.Namespace) -> None:
    """A network of attention and dense layers."""
    window, session, main = camera.window, camera.session, camera.window.main
    place = Path(tempfile.gettempdir()) / "samples"
    shutil.copytree(ROOT / "resources" / "samples", place, dirs_exist_ok=True)
    model = Path(shutil.copy(options.transformer, place / "digits_transformer.onnx"))
    session.open_model(str(model), DataSpec(path=str(place / "digits")))
    camera.wait(lambda: session.data is not None and session.job is None)
    camera.take("opened")
    session.analyze()
    camera.idle()
    session.select(session.model.layers[len(session.model.layers) // 2].id)
    camera.settle(1.0)
    tabs(camera, ("overview", "method"))
    main.tabs.setCurrentWidget(main.run_view)
    session.run()
    camera.idle()
    camera.take("done")
    main.tabs.setCurrentWidget(main.changed)
    camera.wait(lambda: window.comparing.complete)
    camera.take("changed")
    tabs(camera, ("advice", "side"))


def large(camera: Photographer, options: argparse.Namespace) -> None:
    """20,000 nodes: the layers, and every operation."""
    from window import model as made

    session, main = camera.session, camera.window.main
    session.open_model(str(made(Path(tempfile.gettempdir()), LARGE_NODES, LARGE_MEGABYTES)))
    camera.wait(lambda: "nodes" in session.graphs and session.job is None)
    paint(camera, "size")
    main.resize(1440, 900)
    camera.take("layers", 1.0)
    main.graph.all_button.click()
    camera.settle(2.0)
    camera.take("operations", 1.0)
    main.graph.all_button.click()
    session.select(session.model.layers[len(session.model.layers) // 2].id)
    camera.settle(2.0)
    camera.take("chosen", 1.0)


SCENES: dict[str, tuple[Callable[[Photographer, argparse.Namespace], None], tuple[tuple[str, str], ...]]] = {
    "sample": (sample, LOOKS),
    "cifar": (cifar, LOOKS),
    "transformer": (transformer, LOOKS),
    "large": (large, LOOKS),
}


def paint(camera: Photographer, figure: str) -> None:
    box = camera.window.main.graph.figure_box
    box.setCurrentIndex(box.findData(figure))


def tabs(camera: Photographer, names: tuple[str, ...]) -> None:
    for name in names:
        camera.window.main.tabs.setCurrentWidget(getattr(camera.window.main, name))
        camera.take(name)


def some_of(pictures: Path) -> Path:
    """A folder with some pictures of each class, for judging and for calibrating."""
    folder = Path(tempfile.gettempdir()) / "photographs" / pictures.name
    for role, count in (("train", TRAIN), ("test", TEST)):
        for source in sorted((pictures / role).iterdir()):
            (folder / role / source.name).mkdir(parents=True, exist_ok=True)
            for picture in sorted(source.iterdir())[:count]:
                shutil.copy(picture, folder / role / source.name)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "networks", nargs="*", default=list(SCENES), metavar="network", help=", ".join(SCENES)
    )
    shared = ROOT.parent / "shared"
    parser.add_argument("--model", type=Path, default=shared / "models" / "resnet20_cifar10.onnx")
    parser.add_argument("--pictures", type=Path, default=shared / "data" / "cifar10")
    parser.add_argument("--transformer", type=Path, default=ROOT / "build" / "digits_transformer.onnx")
    parser.add_argument("--out", type=Path, default=PICTURES)
    parser.add_argument("--states", nargs="+", default=(), help="only these pictures")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    register_scheme()
    application = QApplication([])
    for network in options.networks:
        scene, looks = SCENES[network]
        camera = Photographer(application, options.out, network, looks, options.states)
        scene(camera, options)
        camera.close()


if __name__ == "__main__":
    main()
