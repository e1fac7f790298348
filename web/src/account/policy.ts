import { t } from "../i18n";
import type { SignupPolicy } from "../api/types";
import { domainsOf, looksLikeDomain } from "./email";

/** What is wrong with the domains of a sign-up policy, or undefined. */
export function domainsError(policy: SignupPolicy, text: string): string | undefined {
  if (policy !== "domains") return undefined;
  const domains = domainsOf(text);
  if (domains.length === 0) return t.account.join.domainsMissing;
  const wrong = domains.find((one) => !looksLikeDomain(one));
  return wrong && t.account.join.domainWrong(wrong);
}
