"""What must hold of the accounts: they balance."""

from image_assets.asset_checks.check import Outcome, Subject, check
from image_assets.health.accounting import OUTCOMES, unbalanced
from image_assets.schema import ACCOUNTING


@check("On every day in every category: listed = loaded + duplicates + quarantined + companions + unplaced.")
def accounts_balance(subject: Subject) -> Outcome:
    """The sums of the table `accounting`, row by row."""
    rows = subject.rows(ACCOUNTING).select("date", "category", "listed", *OUTCOMES).collect()
    faulty = unbalanced(rows).sort("date", "category")
    names = ", ".join(f"{date} {category}" for date, category in faulty.select("date", "category").iter_rows())
    return Outcome(
        passed=faulty.is_empty(),
        figures={
            "days and categories": rows.height,
            "unbalanced": faulty.height,
            **{name: int(rows[name].sum()) for name in ("listed", *OUTCOMES)},
        },
        sample=faulty,
        advice=f"Run again: {names}. If it stays, a table was changed by hand.",
    )
