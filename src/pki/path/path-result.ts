import type { ErrorCode } from '../../base/error-codes.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';

export type PathErrorCode = Extract<ErrorCode, `ERR_PATH_${string}`>;

/** Why a certification path may not be used. `depth` 0 is the leaf; the anchor has the highest. */
export interface PathRefusal {
  readonly tag: 'refused';
  readonly code: PathErrorCode;
  /** For people: lower case, the certificate by its subject and serial number. */
  readonly message: string;
  readonly depth: number;
}

export interface PathAccepted {
  readonly tag: 'ok';
  /** Leaf first, anchor last. */
  readonly path: readonly Certificate[];
  /**
   * The user-constrained policy set of RFC 5280 section 6.1.5: policies that are acceptable from the outset and that the path is
   * valid for. Empty where it has none and none is required; with anyPolicy in it, all are.
   */
  readonly policies: ReadonlySet<string>;
}

export type PathResult = PathAccepted | PathRefusal;

/** @param depth of the certificate at fault: 0 is the leaf. */
export function refusal(code: PathErrorCode, message: string, depth: number): PathRefusal {
  return { tag: 'refused', code, message, depth };
}

/** A certificate in a message: subject cut to a readable length, and the serial number by which it can be looked up. */
export function describe(certificate: Certificate): string {
  const { text } = certificate.subject;
  const subject = text === '' ? 'without a subject' : JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return `certificate ${subject} (serial ${certificate.serial})`;
}
