"""All benchmarks: ``python -m benchmarks``."""

from __future__ import annotations

from benchmarks import attribution, import_time, lime, rules, rules_relevance, verdicts

import_time.main()
verdicts.main()
attribution.main()
rules.main()
rules_relevance.main()
lime.main()
