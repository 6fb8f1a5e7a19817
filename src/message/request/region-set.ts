import { quoted } from '../../base/errors.ts';
import { malformed } from './http-request.ts';

/** Characters of a region set: each wildcard is tried against a region. */
export const REGION_SET_CHARS_MAX = 1_024;

/**
 * Whether a region set names a region: a list parted by commas, in which `*` stands for any characters, none included
 * (`us-east-1,eu-*`).
 *
 * @throws ERR_REQUEST_MALFORMED for an empty list or entry, one with blanks inside, and one that is too long.
 */
export function regionSetCovers(set: string, region: string): boolean {
  if (set.length > REGION_SET_CHARS_MAX)
    throw malformed(`region set is longer than ${REGION_SET_CHARS_MAX} characters`);
  const patterns = set.split(',').map((entry) => entry.trim());
  if (!patterns.every((pattern) => /^[\x21-\x7e]+$/.test(pattern)))
    throw malformed(`region set ${quoted(set)} is not a list of names parted by commas`);
  return patterns.some((pattern) => matches(pattern, region));
}

/** Each piece between wildcards is taken where it first fits: that leaves the most to those that follow. */
function matches(pattern: string, region: string): boolean {
  const [head = '', ...pieces] = pattern.split('*');
  const tail = pieces.pop();
  if (tail === undefined) return region === head;
  if (!region.startsWith(head)) return false;
  let from = head.length;
  for (const piece of pieces) {
    const at = region.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return region.length - from >= tail.length && region.endsWith(tail);
}
