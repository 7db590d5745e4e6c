"""Learning curves: what can be set, the runs of the run cards, and the picture."""

from widgets.widget import FLAG, TEXT, Widget


def runs():
    """Return the histories of all released runs, from their run cards.

    Returns
    -------
    list of dict
        ``card``, ``network``, ``seed``, ``note``, ``parameters``, ``seconds``, ``test_accuracy``,
        ``test_error`` and ``history``, a dictionary of lists with one number for each epoch.
    """
    from helpers import released

    found = []
    for name in released.names():
        card = released.released_card(name)
        noted = [(run, "") for run in card.get("runs", ())]
        if card.get("chosen_on"):
            noted.append((card["chosen_on"], "the run that chose the epochs"))
        for run, note in noted:
            if "history" not in run:
                continue
            history = run["history"]
            found.append(
                {
                    "card": name,
                    "network": run.get("network", name),
                    "seed": run["seed"],
                    "note": note,
                    "parameters": run.get("parameters", card.get("parameters")),
                    "seconds": run.get("wall_time_s", round(sum(history["seconds"]), 1)),
                    "test_accuracy": run.get("test_accuracy"),
                    "test_error": run.get("test_error"),
                    "history": history,
                }
            )
    return found


def picture(figure):
    """Draw the curves of the homework's network and of three changes of it."""
    ax = figure.subplots()
    for run in runs():
        if run["card"] == "cifar_cnn_steps":
            values = run["history"]["val_accuracy"]
            ax.plot(range(1, len(values) + 1), values, label=run["network"])
    ax.set(xlabel="epoch", ylabel="accuracy on images\nnot trained on")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))


WIDGET = Widget(
    "widgets/learning_curves.js",
    "Learning curves",
    {
        "card": TEXT,
        "beside": TEXT,
        "measure": ("accuracy", "loss", "learning_rate", "seconds"),
        "unit": ("epochs", "minutes"),
        "log": FLAG,
    },
    data={"runs": runs},
    picture=picture,
    alt="Accuracy on images not trained on against epochs: four rising curves, for the homework's "
    "network with 32 filters and for three changes of it.",
)
