import { parseBody } from '../../api/schema.ts';
import { walletEpochRequestSchema, type WalletEpochResponse } from '../../api/streams.ts';
import { fromBase64, textOfUtf8 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { toRfc3339 } from '../../base/time.ts';
import { parseJson } from '../../codec/json.ts';
import { addressText } from '../../message/river/wallet.ts';
import type { WalletEpochs } from '../../streams/wallet-epochs.ts';
import type { HttpApp } from '../server.ts';

/** `POST /v1/wallet-epochs`: a wallet voids its delegates. Nobody need be known for it: the wallet's signature says all. */
export function postWalletEpochs(app: HttpApp, { epochs }: { readonly epochs: WalletEpochs }): void {
  app.post('/v1/wallet-epochs', async (request): Promise<WalletEpochResponse> => {
    const { statement } = parseBody(walletEpochRequestSchema, jsonOf(request.body));
    const { address, below } = await epochs.take(fromBase64(statement));
    return { wallet: addressText(address), below: toRfc3339(below) };
  });
}

/** Bodies of this port come as bytes: its other calls are Connect's. @throws ERR_INPUT */
function jsonOf(body: unknown): unknown {
  try {
    return parseJson(textOfUtf8(body as Uint8Array));
  } catch {
    throw new MeshError('ERR_INPUT', 'the body is no JSON');
  }
}
