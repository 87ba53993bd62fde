import { type Tried, useTried } from "../asking/use-tried";
import { useDesk } from "../desk/desk-context";
import type { RuleFields } from "./rule-form";
import type { RulePreview } from "./rule-preview";

/** How often a rule would have fired lately, as it is typed. */
export function useRulePreview(question: RuleFields | null): Tried<RulePreview> {
  const { alerts } = useDesk();
  return useTried(question, alerts.preview);
}
