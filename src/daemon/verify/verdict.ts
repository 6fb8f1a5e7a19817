import type { ErrorCode } from '../../base/error-codes.ts';
import { isMeshError, MeshError } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';
import type { Crl } from '../../pki/x509/crl/crl.ts';

export type FileKind =
  | 'message'
  | 'certificate'
  | 'crl'
  | 'csr'
  | 'ticket'
  | 'export'
  | 'delegate'
  | 'wallet-epoch'
  | 'unknown';

/** What is said of a file. `ok` is true only where everything that the kind asks for was checked and holds. */
export interface FileVerdict {
  readonly kind: FileKind;
  readonly ok: boolean;
  /** Why not. */
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly hint?: string };
  /** What it says of itself, by the names that HTTP bodies have; proved only where `ok`. */
  readonly [fact: string]: unknown;
}

/** Whom and what the caller believes. */
export interface VerifyContext {
  readonly now: UnixMs;
  /** Where it is not told, the name in the signer's certificate, which the anchor vouches for. */
  readonly mesh: MeshName | undefined;
  readonly anchors: readonly Certificate[];
  /** Certificates that are at hand and prove nothing by themselves. */
  readonly others: readonly Certificate[];
  /** The signer's chain, leaf first, for a message. */
  readonly chain: readonly Certificate[];
  readonly crls: readonly Crl[];
}

/** Facts that stand, with what `check` has to say against them. */
export function verdictOf(kind: FileKind, facts: object, check: () => void): FileVerdict {
  try {
    check();
    return { kind, ok: true, ...facts };
  } catch (error) {
    if (!isMeshError(error)) throw error;
    const { code, message, hint } = error;
    return { kind, ok: false, error: { code, message, ...(hint === undefined ? {} : { hint }) }, ...facts };
  }
}

/** A refusal by the rules of a path, as an error. */
export function pathError({ code, message }: { readonly code: ErrorCode; readonly message: string }): MeshError {
  return new MeshError(code, message);
}
