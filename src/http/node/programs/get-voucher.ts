import type { VoucherResponse } from '../../../api/node-programs.ts';
import { toBase64 } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import type { HttpApp } from '../../server.ts';
import type { ProgramDeps } from '../deps.ts';

/**
 * `GET /v1/vouchers/:hash`: what a message names by this hash as the voucher of its signer, in lower-case hex. It proves
 * nothing by itself: who asks judges it.
 */
export function getVoucher(app: HttpApp, { service }: ProgramDeps): void {
  app.get<{ Params: { hash: string } }>('/v1/vouchers/:hash', async ({ params }) => {
    const voucher = service.node.voucherOf(params.hash);
    if (voucher === undefined) throw new MeshError('ERR_NOT_FOUND', 'nothing is known here by this hash');
    const { statement, certificates } = voucher;
    const answer: VoucherResponse = {
      certificates: certificates.map(toBase64),
      ...(statement === undefined ? {} : { statement: toBase64(statement) }),
    };
    return answer;
  });
}
