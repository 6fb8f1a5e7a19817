import { quoted } from '../../base/errors.ts';
import { malformed } from './http-request.ts';

const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/** Each octet as it stands in a canonical request: itself where unreserved (RFC 3986 section 2.3), else `%XY`. */
const ENCODED: readonly string[] = Array.from({ length: 256 }, (_, octet) => {
  const character = String.fromCharCode(octet);
  return UNRESERVED.test(character) ? character : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
});

/** Percent-encodes every octet that is not unreserved, `%` and `/` among them. One character stands for one octet. */
export function encodeUri(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) out += ENCODED[text.charCodeAt(i)];
  return out;
}

/**
 * Undoes percent-encoding; `+` stays what it is.
 * @throws ERR_REQUEST_MALFORMED for a `%` without two hex digits: every reader would make something else of it.
 */
export function decodeUri(text: string): string {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw malformed(`${quoted(text)} has a "%" that encodes nothing`);
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
