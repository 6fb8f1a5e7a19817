import { MeshError, messageOf, quoted } from '../base/errors.ts';

/**
 * Reads foreign JSON (RFC 8259), strictly: two readers must not understand two things, so a member that an object has
 * twice is refused, where most programs take the last and some the first (RFC 7493 section 2.3). `__proto__` is refused
 * as well: as a member of an object of this language it would not be data. So is half of a surrogate pair, which no
 * UTF-8 can hold: written on, it would be another text (RFC 7493 section 2.1).
 *
 * @throws ERR_INPUT
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MeshError('ERR_INPUT', `the text is not JSON: ${messageOf(error).slice(0, 100)}`);
  }
  checkStringsAndMembers(text);
  return value;
}

/** What tells objects, arrays and member names apart in text that is known to be JSON: strings and brackets. */
const TOKEN = /"([^"\\]*(?:\\.[^"\\]*)*)"([ \t\r\n]*:)?|[{}[\]]/g;

function checkStringsAndMembers(json: string): void {
  const open: (Set<string> | undefined)[] = []; // one for each object or array around the token
  for (const [token, text, colon] of json.matchAll(TOKEN)) {
    if (text?.includes('\\u') === true && !(JSON.parse(`"${text}"`) as string).isWellFormed())
      throw new MeshError('ERR_INPUT', `text ${quoted(text)} has half of a surrogate pair`);
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (colon !== undefined && text !== undefined) {
      const name = text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
      const names = open.at(-1);
      if (names === undefined) continue;
      if (names.has(name)) throw new MeshError('ERR_INPUT', `an object has the member ${quoted(name)} twice`);
      if (name === '__proto__') throw new MeshError('ERR_INPUT', `no object may have the member ${quoted(name)}`);
      names.add(name);
    }
  }
}
