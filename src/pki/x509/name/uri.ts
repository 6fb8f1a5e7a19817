import { isDnsName } from './dns-name.ts';
import { parseIpAddress } from './ip-address.ts';

const PLAIN = String.raw`[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2}`;
const IN_PATH = `${PLAIN}|[:@/]`;

/** `scheme ":" [ "//" authority ] path [ "?" query ] [ "#" fragment ]`, of the characters of RFC 3986 appendix A alone. */
const URI = new RegExp(
  String.raw`^[A-Za-z][A-Za-z0-9+.\-]*:(?!$)(?:\/\/(?<authority>[^/?#]*)|(?!\/\/))` +
    String.raw`(?:${IN_PATH})*(?:\?(?:${IN_PATH}|\?)*)?(?:#(?:${IN_PATH}|\?)*)?$`,
);

/** `[ userinfo "@" ] host [ ":" port ]`: neither half holds another `@`, and brackets stand around an address only. */
const AUTHORITY = new RegExp(
  String.raw`^(?:(?:${PLAIN}|:)*@)?(?:\[(?<literal>[^\[\]@]*)\]|(?<name>(?:${PLAIN})*))(?::[0-9]*)?$`,
);

const FUTURE_ADDRESS = /^[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+$/;

/**
 * True for a URI with a scheme and something behind it (RFC 5280 section 4.2.1.6), written as RFC 3986 wants it. Others
 * mean different hosts to different programs: browsers take `http://evil.example\@good.example/` to evil.example.
 */
export function isUri(text: string): boolean {
  return readUri(text) !== undefined;
}

/** The host name of a URI in lower case; `undefined` where it has none, or an address, or where {@link isUri} is false. */
export function hostOfUri(text: string): string | undefined {
  const name = readUri(text)?.name?.toLowerCase();
  return name !== undefined && isDnsName(name) ? name : undefined;
}

function readUri(text: string): { readonly name: string | undefined } | undefined {
  const uri = URI.exec(text);
  if (uri === null) return undefined;
  const written = uri.groups?.['authority'];
  if (written === undefined) return { name: undefined };
  const authority = AUTHORITY.exec(written);
  if (authority === null) return undefined;
  const literal = authority.groups?.['literal'];
  const isAddress = literal !== undefined && (parseIpAddress(literal)?.length === 16 || FUTURE_ADDRESS.test(literal));
  return literal === undefined || isAddress ? { name: authority.groups?.['name'] } : undefined;
}
