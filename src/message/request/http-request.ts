import { type Bytes, concatBytes } from '../../base/bytes.ts';
import { MeshError, quoted } from '../../base/errors.ts';

/** Request line and headers of a request that is read from a file. A server has narrower limits of its own. */
export const HEAD_BYTES_MAX = 64 * 1024;
/** Header lines: as many as fit are never written by hand, and each is looked at some ten times. */
export const HEADER_LINES_MAX = 256;
/** Head and body of a request that is read from a file: the body is hashed in memory. */
export const REQUEST_BYTES_MAX = 16 * 1024 * 1024;

/**
 * A header line as it came. `value` is all behind the colon, with its white space and the line breaks of folded lines;
 * one character stands for one octet.
 */
export interface HttpHeader {
  readonly name: string;
  readonly value: string;
}

/**
 * What stands before the body of an HTTP/1.1 request. In its texts one character stands for one octet (ISO 8859-1), as
 * `node:http` gives them.
 */
export interface RequestHead {
  readonly method: string;
  /** Path and query as in the request line. */
  readonly target: string;
  /** In the order in which they came. */
  readonly headers: readonly HttpHeader[];
}

export interface HttpRequest extends RequestHead {
  readonly body: Bytes;
}

/** How a text ends its lines. */
export type LineEnd = '\n' | '\r\n';

/** A token (RFC 9110 section 5.6.2): names of methods and headers. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** No control characters: blanks and octets above 0x7f stand in targets of AWS's test suite. */
const TARGET = /^\/[^\0-\x1f\x7f]*$/;
const FIELD_VALUE = /^[^\0-\x08\x0b\x0c\x0e-\x1f\x7f]*$/;

/**
 * Reads raw HTTP/1.1 text, its lines ended by LF or CRLF: request line, headers, an empty line, the body. Head without
 * an empty line is a request without a body. All that follows the empty line is body, whatever Content-Length says:
 * nothing stands in the text that is not judged.
 *
 * Differs from RFC 9112 section 3 because AWS's test suite has them: targets may hold blanks and octets above 0x7f.
 *
 * @throws ERR_REQUEST_MALFORMED
 */
export function parseHttpRequest(bytes: Bytes): HttpRequest & { readonly lineEnd: LineEnd } {
  if (bytes.length > REQUEST_BYTES_MAX) throw malformed(`request is larger than ${REQUEST_BYTES_MAX} bytes`);
  const { lines, bodyFrom } = headOf(bytes);
  const [first, ...rest] = lines;
  if (first === undefined) throw malformed('request has no request line');
  const { method, target } = parseRequestLine(first.text);
  const headers: { name: string; value: string }[] = [];
  for (const { text } of rest) {
    const last = headers.at(-1);
    if ((text.startsWith(' ') || text.startsWith('\t')) && last !== undefined) last.value += `${first.end}${text}`;
    else headers.push(parseHeaderLine(text));
  }
  for (const { name, value } of headers)
    if (!FIELD_VALUE.test(value)) throw malformed(`header ${name} holds a control character`);
  return { method, target, headers, body: bytes.subarray(bodyFrom), lineEnd: first.end };
}

/** The text of a request, headers as they came. */
export function renderHttpRequest(request: HttpRequest, lineEnd: LineEnd): Bytes {
  const { method, target, headers, body } = request;
  const lines = [`${method} ${target} HTTP/1.1`, ...headers.map(({ name, value }) => `${name}:${value}`), '', ''];
  return concatBytes(octetsOf(lines.join(lineEnd)), body);
}

/** The octets of a text of which each character stands for one. */
export function octetsOf(text: string): Bytes {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) octets[i] = text.charCodeAt(i);
  return octets;
}

/** A text of which each character stands for one octet. */
export function textOfOctets(octets: Bytes): string {
  let text = '';
  for (let i = 0; i < octets.length; i += OCTETS_A_CALL)
    text += String.fromCharCode(...octets.subarray(i, i + OCTETS_A_CALL));
  return text;
}

/** Arguments of one call: engines have a limit, of which this stays far away. */
const OCTETS_A_CALL = 4_096;

/** The refusal of what cannot be read; `message` names it. */
export function malformed(message: string): MeshError {
  return new MeshError('ERR_REQUEST_MALFORMED', message);
}

interface Line {
  readonly text: string;
  readonly end: LineEnd;
}

/** The lines before the first empty one. A last line that does not end is a line, too. */
function headOf(bytes: Bytes): { readonly lines: readonly Line[]; readonly bodyFrom: number } {
  const lines: Line[] = [];
  let from = 0;
  while (from < bytes.length) {
    const newline = bytes.indexOf(0x0a, from);
    const end = newline < 0 ? bytes.length : newline;
    if (end > HEAD_BYTES_MAX) throw malformed(`request line and headers are larger than ${HEAD_BYTES_MAX} bytes`);
    const isCrlf = newline > from && bytes[newline - 1] === 0x0d;
    const text = textOfOctets(bytes.subarray(from, isCrlf ? end - 1 : end));
    from = newline < 0 ? bytes.length : newline + 1;
    if (text === '') break;
    if (text.includes('\r')) throw malformed('request line or headers hold a carriage return that ends no line');
    lines.push({ text, end: isCrlf ? '\r\n' : '\n' });
    if (lines.length > HEADER_LINES_MAX + 1) throw malformed(`request has more than ${HEADER_LINES_MAX} header lines`);
  }
  return { lines, bodyFrom: from };
}

/** The target may hold blanks, so it is what stands between the first and the last. */
function parseRequestLine(line: string): { readonly method: string; readonly target: string } {
  const first = line.indexOf(' ');
  const last = line.lastIndexOf(' ');
  const method = line.slice(0, Math.max(first, 0));
  const target = line.slice(first + 1, Math.max(last, 0));
  const version = line.slice(last + 1);
  if (first === last || !TOKEN.test(method) || !/^HTTP\/1\.[01]$/.test(version))
    throw malformed(`request line ${quoted(line)} is not of the form METHOD TARGET HTTP/1.1`);
  if (!TARGET.test(target)) throw malformed(`target ${quoted(target)} is no path from the root`);
  return { method, target };
}

function parseHeaderLine(line: string): { name: string; value: string } {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0));
  if (!TOKEN.test(name)) throw malformed(`header line ${quoted(line)} does not begin with a name and a colon`);
  return { name, value: line.slice(colon + 1) };
}
