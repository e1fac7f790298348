import { fmt } from "../i18n";

/** Good enough to catch a slip; the server and the mail decide. */
export function looksLikeEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text.trim());
}

/** One domain as people type it: lower case, without @ and spaces. */
export function domainsOf(text: string): string[] {
  return [...new Set(text.toLowerCase().split(/[\s,;]+/).map((one) => one.replace(/^@/, "").replace(/\.$/, "")).filter(Boolean))];
}

export function looksLikeDomain(text: string): boolean {
  return /^(?=.{1,253}$)([\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+[\p{L}\p{N}-]{2,}$/u.test(text);
}

/** True when the address is at one of the domains. */
export function atDomains(email: string, domains: string[]): boolean {
  const domain = email.trim().toLowerCase().split("@").at(-1) ?? "";
  return domains.includes(domain);
}

export function domainWords(domains: string[]): string {
  return fmt.list(domains);
}
