import { MeshError, messageOf, quoted } from '../base/errors.ts';

/**
 * Reads foreign JSON (RFC 8259), strictly: two readers must not understand two things, so a member that an object has
 * twice is refused, where most programs take the last and some the first (RFC 7493 section 2.3). `__proto__` is refused
 * as well: as a member of an object of this language it would not be data. So is half of a surrogate pair, which no
 * UTF-8 can hold: written on, it would be another text (RFC 7493 section 2.1).
 *
 * @param halfPairs `left` where the caller judges text itself and has a code of its own for them.
 * @throws ERR_INPUT
 */
export function parseJson(text: string, halfPairs: 'refused' | 'left' = 'refused'): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MeshError('ERR_INPUT', `the text is not JSON: ${messageOf(error).slice(0, 100)}`);
  }
  checkStringsAndMembers(text, halfPairs);
  return value;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Looks at strings and brackets alone, in text that is known to be JSON: those tell objects and member names apart. */
function checkStringsAndMembers(json: string, halfPairs: 'refused' | 'left'): void {
  const open: (MemberNames | undefined)[] = []; // one for each object or array around the place
  const isPairLookedAt = halfPairs === 'refused' && json.includes('\\u');
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      const start = at + 1;
      at = endOfString(json, start);
      if (isPairLookedAt) checkSurrogates(json.slice(start, at));
      if (isColonNext(json, at + 1)) addName(open.at(-1), json.slice(start, at));
    } else if (code === 0x7b) open.push(new MemberNames());
    else if (code === 0x5b) open.push(undefined);
    else if (code === 0x7d || code === 0x5d) open.pop();
  }
}

function checkSurrogates(text: string): void {
  if (text.includes('\\u') && !(JSON.parse(`"${text}"`) as string).isWellFormed())
    throw new MeshError('ERR_INPUT', `text ${quoted(text)} has half of a surrogate pair`);
}

/** Where the string that begins here is closed. */
function endOfString(json: string, start: number): number {
  for (let at = start; ; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
}

/** What a member name is told by. */
function isColonNext(json: string, start: number): boolean {
  let at = start;
  while (json.charCodeAt(at) <= 0x20) at++;
  return json.charCodeAt(at) === 0x3a;
}

function addName(names: MemberNames | undefined, text: string): void {
  if (names === undefined) return;
  const name = text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
  if (name === '__proto__') throw new MeshError('ERR_INPUT', `no object may have the member ${quoted(name)}`);
  if (!names.add(name)) throw new MeshError('ERR_INPUT', `an object has the member ${quoted(name)} twice`);
}

/** Up to so many names are compared one by one, which is faster than a table of them. @tuning */
const FEW_NAMES = 16;

/** The names that an object has so far. */
class MemberNames {
  readonly #few: string[] = [];
  #many: Set<string> | undefined;

  /** @returns false for a name that is there. */
  add(name: string): boolean {
    if (this.#many?.has(name) ?? this.#few.includes(name)) return false;
    if (this.#many !== undefined) this.#many.add(name);
    else if (this.#few.push(name) > FEW_NAMES) this.#many = new Set(this.#few);
    return true;
  }
}
