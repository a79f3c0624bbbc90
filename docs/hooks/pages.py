"""What the pages show that is not written by hand: the table of methods, the gallery of views, the list of decisions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File, Files
from reversing import aligned  # while a hook is loaded its folder is searched, later it is not

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

    from pellucid.scenes import Scene

VIEWS = {
    "feature_bars": "Attribution by feature, in the user's units, with the method's own error as whiskers.",
    "waterfall": "From the baseline's score to this row's score, feature by feature.",
    "image_overlay": "Input, signed map and overlay; a layer's map is shown in the cells it was computed in.",
    "faithfulness_curves": "The score while the strongest are removed or put back first, with the band of random orders.",
    "checks_table": "Every check beside its reference, with its interval.",
    "gallery": "Several rows side by side on one color scale.",
    "alignment_grid": "Which source token each produced token draws on. The network reverses strings, so the rising diagonal is right. To "
    "the whole string every source token matters alike: no order of removal beats chance, and the verdict says so.",
    "beeswarm": "A point per row and feature: how much, which way, and for which values. Refused rows are left out and counted.",
    "importance_bars": "The mean size of the attributions by feature, with its interval over rows.",
    "dependence": "A feature's attribution against its value, colored by the feature that interacts most, where one does.",
    "decision_plot": "From the baseline's score to each row's score, all rows in one picture.",
    "permutation_bars": "How much worse a score gets when a feature is permuted over labelled rows (`pl.permutation_importance`).",
    "interaction_matrix": "What two features bring about together beyond what each does alone (`pl.interactions`), mean over rows.",
    "comparison": "Several methods on the same decisions (`pl.compare`), ranked by what the network confirms.",
    "training_history": "Loss and accuracy by epoch.",
    "confusion": "What was taken for what.",
    "reliability": "Is the confidence earned?",
}
SHAPLEY = {
    "table": "From the mean over background rows to the score of one row, feature by feature.",
    "superpixels": "What the superpixels of a photo add to the score of one class, against a blur. Its verdict stands above it.",
}
LAYER_MAPS = ("gradcam", "gradcam++", "hirescam", "layercam", "scorecam", "ablationcam", "eigencam", "several-layers")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fills the marked places."""
    del page
    folder = Path(config.docs_dir)
    marks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("methods", methods_table),
        ("operations", operations_table),
        ("views", views_list),
        ("layer maps", layer_maps_list),
        ("shapley", shapley_list),
        ("decisions", lambda: decisions_list(folder)),
    )
    for mark, made in marks:
        if f"<!-- {mark} -->" in markdown:
            markdown = markdown.replace(f"<!-- {mark} -->", made())
    del files
    return markdown


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Draws the gallery."""
    for name, picture in pictures().items():
        files.append(File.generated(config, f"views/{name}.png", content=picture))
    for name, picture in layer_map_pictures().items():
        files.append(File.generated(config, f"layer-maps/{name}.png", content=picture))
    for name, picture in shapley_pictures().items():
        files.append(File.generated(config, f"shapley/{name}.png", content=picture))
    return files


def methods_table() -> str:
    """The registry as a table."""
    import pellucid as pl

    rows = ["| id, class | needs, options | what it computes |", "|---|---|---|"]
    for row in pl.methods():
        options = "".join(f"<br>`{name}={value}`" for name, value in row.fields.items())
        summary = row.summary.replace("``", "`").replace("|", "\\|")
        rows.append(f"| `{row.id}`<br>`{row.name}` | {', '.join(row.needs) or 'outputs only'}{options} | {summary} |")
    return "\n".join(rows)


KINDS = {
    "structural": "moves elements",
    "linear": "linear",
    "product": "products",
    "elementwise": "a function of every element",
    "max": "the largest or smallest",
    "comparison": "true or false",
    "softmax": "softmax",
    "norm": "normalization",
    "composite": "opened: computed from the others by our own body",
    "discrete": "order and places",
    "random": "dropout (evaluated); the rest draws numbers and is refused",
}
_REFUSED = frozenset({"quantile", "nanmedian", "mode", "unique", "histc"})  # known by name, so that the error can say more


def operations_table() -> str:
    """Every operation that rules cover, by kind, from the table that catches them."""
    from pellucid.models.rules.operations import operations

    rows = ["| kind | operations |", "|---|---|"]
    for kind, about in KINDS.items():
        names = sorted(op.name.strip("_") for op in operations().values() if op.kind == kind and op.name not in _REFUSED)
        rows.append(f"| {about} | " + " ".join(f"`{name}`" for name in dict.fromkeys(names)) + " |")
    return "\n".join(rows)


def decisions_list(folder: Path) -> str:
    """Every decision by its first line."""
    pages = sorted((folder / "decisions").glob("[0-9]*.md"))
    return "\n".join(f"- [{page.read_text(encoding='utf-8').splitlines()[0].lstrip('# ')}]({page.name})" for page in pages)


def views_list() -> str:
    """Every picture under its name."""
    return "\n\n".join(f"## `{name}`\n\n{about}\n\n![{about}](views/{name}.png)" for name, about in VIEWS.items())


def layer_maps_list() -> str:
    """A picture of every method of the family."""
    return "\n\n".join(f"![{name}: a real photo with its verdict](layer-maps/{name}.png)" for name in LAYER_MAPS)


def shapley_list() -> str:
    """A table and a photo."""
    return "\n\n".join(f"![{about}](shapley/{name}.png)\n\n*{about}*" for name, about in SHAPLEY.items())


def shapley_pictures() -> dict[str, bytes]:
    """Shapley values of a breast mass and of a cat."""
    import pellucid as pl
    from pellucid import paper, views
    from pellucid.data.datasets import photos
    from pellucid.demo.efficientnet import efficientnet_lite0, imagenet_class_names, preparation
    from pellucid.demo.networks import train_patient

    patient = train_patient()
    background, names = patient.split.train.inputs, patient.dataset.class_names
    table = pl.explain(
        patient.net, patient.split.test.inputs[:1], "shap", preparation=patient.preparation, background=background, class_names=names
    )
    method = pl.SHAP(players="superpixels", segments=40, samples=400, baseline=pl.Blur(12))
    cat, classes = photos()["chelsea"], imagenet_class_names()
    image = pl.explain(efficientnet_lite0(), cat, method, target="tiger cat", class_names=classes, preparation=preparation())
    scenes = {"table": views.waterfall(table), "superpixels": views.attribution(image)}
    return {name: paper.png_bytes(paper.draw(scenes[name]), dpi=110) for name in SHAPLEY}


def layer_map_pictures() -> dict[str, bytes]:
    """EfficientNet-Lite0 on four photos in one: what speaks for the cat?"""
    import pellucid as pl
    from pellucid import paper, views
    from pellucid.demo.cat_mask import cat_among_others
    from pellucid.demo.efficientnet import efficientnet_lite0, imagenet_class_names, preparation

    photos, _ = cat_among_others()
    chosen: dict[str, Any] = {name: name for name in LAYER_MAPS}
    chosen["several-layers"] = pl.LayerCAM(layer=("blocks.4", "head"))
    net, prepare, names = efficientnet_lite0(), replace(preparation(), shorter_side=None), imagenet_class_names()
    made = {
        name: pl.explain(net, photos, method, target="tiger cat", class_names=names, preparation=prepare) for name, method in chosen.items()
    }
    return {name: paper.png_bytes(paper.draw(views.attribution(one)), dpi=110) for name, one in made.items()}


def pictures() -> dict[str, bytes]:
    """The gallery as PNG, from the two small networks of the demo."""
    import pellucid as pl
    from pellucid import paper, views
    from pellucid.demo.networks import train_digits, train_patient

    patient, digits = train_patient(), train_digits()
    one = pl.explain(
        patient.net,
        patient.split.test.inputs[:1],
        "integrated_gradients",
        preparation=patient.preparation,
        background=patient.split.train.inputs,
        class_names=patient.dataset.class_names,
        labels=patient.split.test.labels[:1],
    )
    many = pl.explain(
        digits.net,
        digits.inputs(digits.split.test)[:6],
        "integrated_gradients",
        class_names=digits.dataset.class_names,
        labels=digits.split.test.labels[:6],
    )
    evaluation = digits.evaluation
    drawn: dict[str, Callable[[], Scene]] = {
        "feature_bars": lambda: views.feature_bars(one),
        "waterfall": lambda: views.waterfall(one),
        "image_overlay": lambda: views.image_overlay(many),
        "faithfulness_curves": lambda: views.faithfulness_curves(one),
        "checks_table": lambda: views.checks_table(one),
        "gallery": lambda: views.gallery(many),
        "alignment_grid": lambda: views.alignment_grid(aligned()),
        **_of_many_rows(patient),
        "training_history": lambda: views.training_history(digits.history.curves),
        "confusion": lambda: views.confusion(evaluation.confusion, evaluation.class_names),
        "reliability": lambda: views.reliability(evaluation.reliability),
    }
    return {name: paper.png_bytes(paper.draw(drawn[name]()), dpi=120) for name in VIEWS}


def _of_many_rows(patient: Any) -> dict[str, Callable[[], Scene]]:
    """Summaries of all held-out patients, and several methods on three of them."""
    import pellucid as pl
    from pellucid import views

    test, options = patient.split.test, {"preparation": patient.preparation, "class_names": patient.dataset.class_names}
    background = patient.split.train.inputs
    rows = pl.explain(patient.net, test.inputs, "integrated_gradients", target="malignant", background=background, **options)
    permuted = pl.permutation_importance(patient.net, test.inputs, test.labels, score="log_loss", **options)
    pairs = pl.interactions(
        patient.net, test.inputs[:6], target="malignant", background=background, value="baseline", samples=8192, **options
    )
    methods = ["integrated_gradients", "deeplift", "occlusion", "gradient", "random"]
    compared = pl.compare(patient.net, test.inputs[:3], methods, target="malignant", background=background, **options)
    return {
        "beeswarm": lambda: views.beeswarm(rows),
        "importance_bars": lambda: views.importance_bars(rows),
        "dependence": lambda: views.dependence(rows),
        "decision_plot": lambda: views.decision_plot(rows),
        "permutation_bars": lambda: views.permutation_bars(permuted),
        "interaction_matrix": lambda: views.interaction_matrix(pairs),
        "comparison": lambda: views.comparison(compared),
    }


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Takes the roles off cross references, which another generator would have read."""
    del page, config, files
    return re.sub(r":(?:func|class|mod|meth):(?=<code>)", "", html)
