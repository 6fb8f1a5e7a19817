import type { Bytes } from '../../base/bytes.ts';
import { isMeshError } from '../../base/errors.ts';
import { checkX509Signature } from '../../crypto/signatures/x509-signature.ts';
import { type Certificate, parseCertificate } from '../../pki/x509/certificate/certificate.ts';
import { MESH_CERTIFICATE_BYTES_MAX } from '../../pki/mesh/mesh-profile.ts';
import { type AdministratorJudgement, judgePath, type PathJudgement, type Trust } from '../../pki/mesh/judge.ts';
import { type PathRefusal, refusal } from '../../pki/path/path-result.ts';
import type { AuthorityCore } from '../core.ts';

/** Judges the chains that clients of the authority present, by the newest revocation list. */
export class ClientChains {
  readonly #core: Pick<AuthorityCore, 'issuer' | 'crls' | 'clock'>;
  readonly #trust: Trust;

  constructor(core: Pick<AuthorityCore, 'issuer' | 'crls' | 'clock'>) {
    this.#core = core;
    this.#trust = { mesh: core.issuer.mesh, anchors: [core.issuer.root], checkSignature: checkX509Signature };
  }

  /** Whether this chain, whose key the caller has seen proved, is of an administrator who is not revoked. */
  judgeAdministrator(chain: readonly Bytes[]): AdministratorJudgement {
    const presented = this.#presented(chain);
    if ('tag' in presented) return presented;
    const { clock, crls } = this.#core;
    return judgePath(presented, crls.revocation, clock.wall(), 'administrator', this.#trust);
  }

  /** Whether this chain is of a node that is not revoked. */
  judgeNode(chain: readonly Bytes[]): PathJudgement {
    const presented = this.#presented(chain);
    if ('tag' in presented) return presented;
    const { clock, crls } = this.#core;
    return judgePath(presented, crls.revocation, clock.wall(), 'tls-client', this.#trust);
  }

  /** A chain as a client presented it. One that sent its leaf alone is not refused for that: the issuer is ours. */
  #presented(ders: readonly Bytes[]): readonly Certificate[] | PathRefusal {
    try {
      const chain = ders.map((der) => parseCertificate(der, MESH_CERTIFICATE_BYTES_MAX));
      return chain.length === 1 ? [...chain, this.#core.issuer.certificate] : chain;
    } catch (error) {
      if (!isMeshError(error)) throw error;
      return refusal('ERR_PATH_PROFILE', `a certificate of the chain is malformed: ${error.message}`, 0);
    }
  }
}
