"""Decisions in money: where errors were given a price, models are ranked by what they cost, and answers are those that cost least."""

from __future__ import annotations

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.answers.prices import critical_share
from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import OptionError
from modelwright.core.facts.run import Facts
from modelwright.core.figures import rounded
from modelwright.core.judged import Metric
from modelwright.core.task import Task
from modelwright.core.words import Words
from modelwright.evaluate.costs import best_order, parse_costs, split
from modelwright.evaluate.report.cost import cost_facts, order_facts
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.state import State


class Costs(Concern):
    """What errors cost, from `--cost` to thresholds, the metric that ranks, report and card."""

    name = "costs"

    def options_checked(self) -> None:
        for text in self.config.cost:
            split(text)
        much, little = self.config.too_much, self.config.too_little
        if (much is None) != (little is None):
            raise OptionError(
                "--too-much and --too-little go together: what a unit too much costs, and one too little.",
                "--too-much 与 --too-little 须同时给出：多一单位与少一单位的代价。",
            )
        if much is not None and not (much > 0 and little > 0):
            raise OptionError(
                "--too-much and --too-little must both be above 0, or the best quantity is nothing, or endless.",
                "--too-much 与 --too-little 都应大于 0，否则最佳数量为零或无穷。",
            )
        if much is not None and self.config.epsilon is not None:
            raise OptionError(
                "--too-much needs validation rows a second time, which --epsilon does not allow; leave one of them out.",
                "--too-much 需要再次使用验证数据，而 --epsilon 不允许；请去掉其中之一。",
            )

    def task_chosen(self, task: Task) -> None:
        """Refuse prices for answers that have none, and the metric without prices. Raises OptionError."""
        config = self.config
        if config.too_much is not None and not task.orders:
            raise OptionError(
                f"--too-much and --too-little are for numbers; task `{task.name}` answers none.",
                f"--too-much 与 --too-little 用于数值；任务 `{task.name}` 不回答数值。",
            )
        if config.cost and (task.in_money is None or task.orders):
            raise OptionError(
                "--cost is for targets with one label a row; leave it out here.",
                "--cost 仅用于每行一个标签的目标；请去掉它。",
            )
        name = task.in_money.name if task.in_money is not None else ""
        priced = config.cost or config.too_much is not None
        if name and not priced and (config.metric == name or name in (config.gate or "")):
            how = ("--cost LABEL:missed=500,false_alarm=5", "--cost 标签:missed=500,false_alarm=5")
            if task.orders:
                how = ("--too-much 2 --too-little 5", "--too-much 2 --too-little 5")
            raise OptionError(
                f"`{name}` needs to know what errors cost: say it with {how[0]}",
                f"`{name}` 需要知道错误的代价：请用 {how[1]} 说明",
            )

    def ranking(self, task: Task, metric: Metric) -> Metric:
        return task.in_money if self.config.cost and task.in_money is not None else metric

    def target_fitted(self, state: State) -> None:
        """Give the answers their prices. Raises OptionError for labels that do not occur."""
        target = state.parts.target
        if self.config.too_much is not None and isinstance(target, (ValueCodec, ForecastCodec)):
            state.parts.target = state.validation.target = target.priced(self.config.too_much, self.config.too_little)
        if not self.config.cost or not isinstance(target, ClassesCodec):
            return
        priced = target.priced(parse_costs(self.config.cost, target))
        state.parts.target = state.validation.target = priced

    def predictor_made(self, state: State) -> None:
        """Settle how a prediction becomes the quantity that costs least, on validation rows."""
        target = state.predictor.target
        if target.prices is not None and isinstance(target, ValueCodec):
            order = best_order(state.validation.judged(state.outcome.scores))
            state.predictor.target = target.priced(float(target.prices[0]), float(target.prices[1]), order)

    def facts_told(self, state: State, facts: Facts) -> None:
        """Tell on the card what errors cost, from which probability on the dearer label is answered, and how much is ordered."""
        target, prices = state.predictor.target, state.predictor.target.prices
        if prices is not None and isinstance(target, ForecastCodec):
            share = critical_share(prices)
            words = Words(
                f"Answers say how much to order for each step where a unit too much costs {rounded(prices[0])} and one too little {rounded(prices[1])}: the quantile that suffices in {share:.1%} of cases.",
                f"回答给出每一步的订货数量：多一单位的代价为 {rounded(prices[0])}，少一单位为 {rounded(prices[1])}；取在 {share:.1%} 的情况下足够的分位数。",
            )
            facts["card"] = [*facts.get("card", []), [list(Words("Quantity to order", "订货数量")), list(words)]]
        if prices is not None and isinstance(target, ValueCodec):
            shift, slope = target.order
            words = Words(
                f"Answers say how much to order where a unit too much costs {rounded(prices[0])} and one too little {rounded(prices[1])}: {slope:.3g} times the prediction, plus {shift:.3g}; found on validation rows.",
                f"回答给出订货数量：多一单位的代价为 {rounded(prices[0])}，少一单位为 {rounded(prices[1])}；数量为预测值乘以 {slope:.3g} 再加 {shift:.3g}，由验证集求得。",
            )
            facts["card"] = [*facts.get("card", []), [list(Words("Quantity to order", "订货数量")), list(words)]]
        if prices is None or not target.one_label:
            return
        labels = target.labels
        pairs = [(t, a) for t in range(len(labels)) for a in range(len(labels)) if prices[t, a] > 0]
        en = "; ".join(f"`{labels[t]}` answered `{labels[a]}` {rounded(prices[t, a])}" for t, a in pairs[:20])
        zh = "；".join(f"`{labels[t]}` 答成 `{labels[a]}` {rounded(prices[t, a])}" for t, a in pairs[:20])
        more = " ..." if len(pairs) > 20 else ""
        cut, cut_zh = "", ""
        if len(labels) == 2 and state.predictor.thresholds:
            at = f"{state.predictor.thresholds[0]:.3g}"
            cut = f" `{labels[1]}` is answered from a probability of {at} on."
            cut_zh = f" 概率达到 {at} 时回答 `{labels[1]}`。"
        words = Words(
            f"Answers are those with the least expected cost, not always the likeliest. What errors cost: {en}{more}.{cut}",
            f"回答取期望代价最小者，不一定是最可能的标签。错误的代价：{zh}{more}。{cut_zh}",
        )
        facts["card"] = [*facts.get("card", []), [list(Words("Costs of errors", "错误的代价")), list(words)]]

    def report_deepened(self, state: State, facts: Facts) -> None:
        facts["costs"], order = cost_facts(state.judged), order_facts(state.judged)
        if order is not None:
            facts["order"] = order
