/** Octets of a DNS name in text, without the final dot (RFC 1035 section 2.3.4). */
export const DNS_NAME_CHARS_MAX = 253;

const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const NUMERIC = /^[0-9]+$/;

/**
 * True for a host name in the preferred syntax (RFC 1034 section 3.5 as RFC 1123 changed it, which RFC 5280 section
 * 4.2.1.6 asks for): no underscore, no final dot, and a last label that cannot be taken for an IP address.
 */
export function isDnsName(text: string): boolean {
  if (text.length === 0 || text.length > DNS_NAME_CHARS_MAX) return false;
  const labels = text.split('.');
  return labels.every((label) => LABEL.test(label)) && !NUMERIC.test(labels[labels.length - 1] as string);
}

/** As {@link isDnsName}, or such a name behind a first label `*` (RFC 6125 section 6.4.3). */
export function isDnsPattern(text: string): boolean {
  return isDnsName(text.startsWith('*.') ? text.slice(2) : text);
}

/** True when `name` is `base` or has labels added to its left. Both in lower case. */
export function isDnsWithin(name: string, base: string): boolean {
  return name === base || name.endsWith(`.${base}`);
}

/** `Dot-string` and `Quoted-string` of RFC 5321 section 4.1.2, with the letters that RFC 6531 section 3.3 adds. */
const PLAIN_LOCAL =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u{a0}-\u{10ffff}-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u{a0}-\u{10ffff}-]+)*$/u;
const QUOTED_LOCAL = /^"(?:[^"\\\x00-\x1f\x7f-\x9f]|\\[\x20-\x7e])*"$/u;

/** Local part and host, see {@link splitMailbox}. */
export interface Mailbox {
  readonly local: string;
  readonly host: string;
}

/**
 * Both sides of the last `@`; `undefined` for anything but a mailbox at a host (RFC 5321 section 4.1.2, the host in
 * ASCII). The local part comes without quotes and backslashes, which are no part of it: `"a"@b` is the mailbox `a@b`.
 */
export function splitMailbox(text: string): Mailbox | undefined {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  const host = text.slice(at + 1);
  if (at <= 0 || !isDnsName(host)) return undefined;
  if (PLAIN_LOCAL.test(local)) return { local, host: host.toLowerCase() };
  if (!QUOTED_LOCAL.test(local)) return undefined;
  return { local: local.slice(1, -1).replace(/\\(.)/gu, '$1'), host: host.toLowerCase() };
}
