import type { Bytes } from '../../base/bytes.ts';
import type { UnixMs } from '../../base/time.ts';

export type CertificateKind = 'node' | 'administrator' | 'server';

export interface CertificateRow {
  /** Lower-case hex without leading zeros: one text a serial. */
  readonly serial: string;
  /** Dense number of a node's certificate, for compact revocation lists; never given twice. Others have none. */
  readonly issueIndex: number | undefined;
  readonly kind: CertificateKind;
  /** The node, or the administrator's name, or the name of the authority's own server. */
  readonly subject: string;
  /** Hex of the SHA-256 of the key's SubjectPublicKeyInfo. */
  readonly spkiHash: string;
  /** Of the token that its holder showed; others came without one. */
  readonly tokenHash: string | undefined;
  readonly roles: readonly string[];
  readonly notBefore: UnixMs;
  readonly notAfter: UnixMs;
  readonly der: Bytes;
  readonly revokedAt: UnixMs | undefined;
  /** RFC 5280 reason, where revoked. */
  readonly revokedReason: string | undefined;
}

/** What a revocation list needs of a certificate. */
export interface RevokedRow {
  readonly serial: string;
  readonly issueIndex: number | undefined;
  readonly revokedAt: UnixMs;
  readonly revokedReason: string;
}

/** What speaks for or against a key that shows a ticket. */
export interface KeyStanding {
  /** A certificate for this key was revoked, whatever it was issued for. */
  readonly isRevoked: boolean;
  /** What this key got for this ticket before. */
  readonly certificate: CertificateRow | undefined;
}

export interface CertificateRows {
  findCertificate(serial: string): Promise<CertificateRow | undefined>;
  /** Newest first. */
  certificatesOf(kind: CertificateKind, subject: string): Promise<readonly CertificateRow[]>;
  /** All that were issued for this key, newest first. */
  certificatesOfKey(spkiHash: string): Promise<readonly CertificateRow[]>;
  standingOfKey(spkiHash: string, tokenHash: string): Promise<KeyStanding>;
  /** Certificates of one kind, newest first. */
  listCertificates(kind: CertificateKind, limit: number): Promise<readonly CertificateRow[]>;
  /** Revoked ones that end at `notAfterMin` or later, in the order of their issue. */
  listRevoked(notAfterMin: UnixMs): Promise<readonly RevokedRow[]>;
  /** One more than the highest issue index that a certificate has; 0 where none has one. */
  nextIssueIndex(): Promise<number>;
  /** Adds the certificate, of a node after the node. Its serial is new. */
  putCertificate(row: CertificateRow): Promise<void>;
  /** Whatever was said before of its revocation. */
  revokeCertificate(serial: string, revokedAt: UnixMs, reason: string): Promise<void>;
}
