import type { Bytes } from '../base/bytes.ts';
import type { TreeStatement } from '../identity/delegate/statement.ts';
import { parseStatement } from '../message/delegate-statement.ts';
import { WALLET_EPOCH_HEAD } from '../message/river/wallet-epoch.ts';
import type { DerivationPath } from '../identity/key-tree/derivation-path.ts';
import type { AdministratorJudgement, PathJudgement } from '../pki/mesh/judge.ts';
import { parseAdministratorName } from '../pki/mesh/mesh-names.ts';
import type { RevocationReason } from '../pki/x509/crl/revocation-reason.ts';
import type { SignedRequest } from '../message/request/signed-request.ts';
import type { AccessKeyRow } from '../ports/authority/access-keys.ts';
import type { AuditRow } from '../ports/authority/audit.ts';
import type { CertificateRow } from '../ports/authority/certificates.ts';
import type { CrlRow } from '../ports/authority-store.ts';
import { type AccessKeyWish, addAccessKey, removeAccessKey } from './access/access-keys.ts';
import {
  type AdministratorCredential,
  listAdministrators,
  type Removal,
  removeAdministrator,
} from './access/administrators.ts';
import { bootstrapPeers, type CheckIn, checkIn, type PeerHint } from './enrollment/check-in.ts';
import { ClientChains } from './access/client-chains.ts';
import { type KnownConflicts, noConflicts, reportClone } from './revocation/clone-alarm.ts';
import type { AuthorityCore } from './core.ts';
import {
  type DelegatesOverview,
  type DelegateWish,
  issueDelegate,
  listDelegates,
  revokeBelowEpoch,
  revokeDelegate,
  revokeStatement,
} from './delegates/delegates.ts';
import { enroll, type Enrollment, type EnrollmentRequest } from './enrollment/enrollment.ts';
import { issueAdministrator, issueServerCertificate } from './enrollment/issuance.ts';
import { acceptClock, beginEpoch } from './health/recovery.ts';
import type { Issuer } from './issuer.ts';
import { listNodes, type NodeSummary } from './enrollment/nodes.ts';
import type { AuthorityPolicy } from './policy.ts';
import { type AuthorityOptions, openCore } from './open-core.ts';
import { Readiness } from './health/readiness.ts';
import { type RevocationOutcome, type RevocationTarget, revoke } from './revocation/revocation.ts';
import { type AdmittedRequest, admitSignedRequest, confirmSignedRequest } from './access/signed-administrator.ts';
import {
  cancelTicket,
  type CreatedTicket,
  createTicket,
  type ListedTicket,
  listTickets,
} from './enrollment/tickets.ts';
import type { TicketWish } from './enrollment/ticket.ts';
import { createSubtree, type NewSubtree } from './delegates/subtrees.ts';
import { exportTree, importTree, type TreeExport } from './delegates/tree-export.ts';
import { grantWallet, revokeBelowWalletEpoch } from './delegates/wallets.ts';

/** Which delegates are to be void. */
export type DelegateTarget =
  | { readonly tag: 'id'; readonly id: string }
  | { readonly tag: 'statement'; readonly bytes: Bytes }
  | { readonly tag: 'below-epoch'; readonly epoch: number };

/**
 * The certification authority of one mesh: enrols, revokes, and knows its nodes. What it promises is on the disk when
 * its methods resolve. Whether a caller may ask is for the caller of these methods to find out, with {@link judgeAdministrator}
 * and {@link judgeNode}.
 */
export class Authority {
  readonly #core: AuthorityCore;
  readonly #chains: ClientChains;
  readonly #conflicts: KnownConflicts = noConflicts();
  readonly #readiness: Readiness;

  private constructor(core: AuthorityCore) {
    this.#core = core;
    this.#readiness = new Readiness(core);
    this.#chains = new ClientChains(core);
  }

  /** See {@link openCore}. */
  static async open(options: AuthorityOptions): Promise<Authority> {
    return new Authority(await openCore(options));
  }

  get issuer(): Issuer {
    return this.#core.issuer;
  }

  get policy(): AuthorityPolicy {
    return this.#core.policy;
  }

  /** The newest revocation list. */
  get crl(): CrlRow {
    return this.#core.crls.current;
  }

  /** Publishes a list that has everything revoked by now: after a start, and when half of the last one's life is over. */
  async tendCrl(when: 'now' | 'if-due'): Promise<void> {
    if (when === 'now') await this.#core.crls.publishNow();
    else await this.#core.crls.publishIfDue();
  }

  /** `undefined`: ready. Else why it cannot do its work now. */
  whyNotReady(): Promise<string | undefined> {
    return this.#readiness.trouble();
  }

  /** See {@link beginEpoch}. */
  beginEpoch(actor: string): Promise<number> {
    return beginEpoch(this.#core, actor);
  }

  /** See {@link acceptClock}. */
  acceptClock(actor: string): Promise<void> {
    return acceptClock(this.#core, actor);
  }

  createTicket(wish: TicketWish, actor: string): Promise<CreatedTicket> {
    return createTicket(this.#core, wish, actor);
  }

  listTickets(): Promise<readonly ListedTicket[]> {
    return listTickets(this.#core);
  }

  /** @throws ERR_NOT_FOUND */
  cancelTicket(id: string, actor: string): Promise<ListedTicket> {
    return cancelTicket(this.#core, id, actor);
  }

  /** See {@link enroll}. */
  enroll(request: EnrollmentRequest): Promise<Enrollment> {
    return enroll(this.#core, request);
  }

  /** See {@link revoke}. */
  revoke(target: RevocationTarget, reason: RevocationReason, actor: string): Promise<RevocationOutcome> {
    return revoke(this.#core, target, reason, actor);
  }

  /** See {@link issueDelegate}. */
  issueDelegate(wish: DelegateWish, actor: string): Promise<TreeStatement> {
    return issueDelegate(this.#core, wish, actor);
  }

  /** See {@link revokeDelegate}. @returns the number of the list that says so. */
  revokeDelegate(target: DelegateTarget, actor: string): Promise<number> {
    switch (target.tag) {
      case 'id':
        return revokeDelegate(this.#core, target.id, actor);
      case 'statement':
        if (target.bytes[0] === WALLET_EPOCH_HEAD) return revokeBelowWalletEpoch(this.#core, target.bytes, actor);
        return revokeStatement(this.#core, parseStatement(this.#core.issuer.mesh, target.bytes), actor);
      case 'below-epoch':
        return revokeBelowEpoch(this.#core, target.epoch, actor);
    }
  }

  /** See {@link grantWallet}. */
  grantWallet(wish: Parameters<typeof grantWallet>[1], actor: string): Promise<number> {
    return grantWallet(this.#core, wish, actor);
  }

  /** See {@link exportTree}. */
  exportTree(
    what: TreeExport,
    path: DerivationPath,
    actor: string,
  ): Promise<{ readonly path: string; readonly key: string }> {
    return exportTree(this.#core, what, path, actor);
  }

  /** See {@link createSubtree}. */
  createSubtree(actor: string): Promise<NewSubtree> {
    return createSubtree(this.#core, actor);
  }

  /** See {@link importTree}. */
  importTree(mnemonic: string, actor: string): Promise<Bytes> {
    return importTree(this.#core, mnemonic, actor);
  }

  listDelegates(): Promise<DelegatesOverview> {
    return listDelegates(this.#core);
  }

  listNodes(): Promise<readonly NodeSummary[]> {
    return listNodes(this.#core.store, this.#core.clock.wall());
  }

  checkIn(said: CheckIn): Promise<{ readonly crlNumber: number; readonly peers: readonly PeerHint[] }> {
    return checkIn(this.#core, said);
  }

  /** Entries of the audit log after the one with this sequence, in order. */
  listAudit(after: number, limit: number): Promise<readonly AuditRow[]> {
    return this.#core.store.transact((tx) => tx.listAudit(after + 1, limit));
  }

  /** See {@link reportClone}. */
  reportClone(reporter: string, kept: Bytes, refused: Bytes): Promise<void> {
    return reportClone(this.#core, this.#conflicts, reporter, kept, refused);
  }

  bootstrapPeers(except?: string): Promise<readonly PeerHint[]> {
    const { store, random, clock } = this.#core;
    return store.transact((tx) => bootstrapPeers(tx, random, clock.wall(), except));
  }

  /** @throws ERR_INPUT, ERR_CSR_... */
  issueAdministrator(name: string, csr: string, actor: string): Promise<CertificateRow> {
    return issueAdministrator(this.#core, parseAdministratorName(name), csr, actor);
  }

  /** See {@link addAccessKey}. */
  addAccessKey(wish: AccessKeyWish, actor: string): Promise<AccessKeyRow> {
    return addAccessKey(this.#core, wish, actor);
  }

  /** See {@link removeAccessKey}. */
  removeAccessKey(accessKeyId: string, actor: string): Promise<void> {
    return removeAccessKey(this.#core, accessKeyId, actor);
  }

  listAdministrators(): Promise<readonly AdministratorCredential[]> {
    return listAdministrators(this.#core);
  }

  /** See {@link removeAdministrator}. */
  removeAdministrator(name: string, actor: string): Promise<Removal> {
    return removeAdministrator(this.#core, name, actor);
  }

  /** See {@link admitSignedRequest}. */
  admitSignedRequest(signed: SignedRequest, hosts: readonly string[]): Promise<AdmittedRequest> {
    return admitSignedRequest(this.#core, signed, hosts);
  }

  /** See {@link confirmSignedRequest}. */
  confirmSignedRequest(admitted: AdmittedRequest, body: Bytes, isChange: boolean): Promise<void> {
    return confirmSignedRequest(this.#core, admitted, body, isChange);
  }

  /** Writes down that a signed request was refused, as far as there is room for such entries. */
  noteRefusedRequest(accessKeyId: string, reason: string, from: string): Promise<void> {
    const now = this.#core.clock.now();
    return this.#core.refusals.note(now.mono, {
      at: now.wall,
      actor: from,
      action: 'request-refused',
      subject: accessKeyId,
      detail: { reason },
    });
  }

  issueServerCertificate(spki: Bytes, hosts: readonly string[]): Promise<CertificateRow> {
    return issueServerCertificate(this.#core, spki, hosts);
  }

  /** Whether this chain, whose key the caller has seen proved, is of an administrator who is not revoked. */
  judgeAdministrator(chain: readonly Bytes[]): AdministratorJudgement {
    return this.#chains.judgeAdministrator(chain);
  }

  /** Whether this chain is of a node that is not revoked. */
  judgeNode(chain: readonly Bytes[]): PathJudgement {
    return this.#chains.judgeNode(chain);
  }
}
