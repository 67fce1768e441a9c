"""The best plan for a goal: zeros and bits of every layer chosen together by integer programming, verified.

`options` lists what each layer may become and what that costs, `solve` chooses, `search` measures the choice
on samples that it has not seen and chooses again until the goal holds, `pareto` draws the curve of plans.
"""
