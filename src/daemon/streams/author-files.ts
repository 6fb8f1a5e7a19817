import { resolve } from 'node:path';
import { type Bytes, textOfUtf8 } from '../../base/bytes.ts';
import type { UnixMs } from '../../base/time.ts';
import { MODE_SECRET } from '../../host/files/atomic-file.ts';
import { createFile } from '../../host/files/new-file.ts';
import { readSecretFile } from '../../host/files/secret-file.ts';
import { newWalletKey, readWalletFile } from '../../host/keys/wallet-file.ts';
import { type Author, deviceAuthor, walletAuthor } from '../../message/river/author.ts';
import { encodeBearerToken, openBearerToken } from '../../message/river/bearer-token.ts';
import { walletOf } from '../../message/river/wallet.ts';
import { signWalletDelegate } from '../../message/river/wallet-delegate.ts';
import type { Random } from '../../ports/random.ts';

/** Who makes events: the wallet of a key file. @throws ERR_KEY, ERR_KEY_FILE_MODE */
export function authorOfWallet(path: string): Author {
  return walletAuthor(walletOf(readWalletFile(resolve(path))));
}

/** Who makes events: the device of a token. @throws ERR_BEARER_TOKEN, ERR_KEY_FILE_MODE */
export function authorOfToken(path: string): Author {
  return deviceAuthor(openBearerToken(readSecretText(path)));
}

/**
 * A new device that may sign for the wallet until then, as a bearer token of River in a new file.
 * @returns address of the device. @throws ERR_FILE_EXISTS, ERR_CONFIG; ERR_KEY, ERR_KEY_FILE_MODE
 */
export function makeToken(walletPath: string, out: string, notAfter: UnixMs, random: Random): Bytes {
  using wallet = readWalletFile(resolve(walletPath));
  using key = newWalletKey(random);
  const device = walletOf(key);
  const delegate = signWalletDelegate(walletOf(wallet), device.publicKey, BigInt(notAfter));
  createFile(out, `${encodeBearerToken(key, delegate)}\n`, MODE_SECRET);
  return device.address;
}

function readSecretText(path: string): string {
  const bytes = readSecretFile(resolve(path));
  const text = bytes === undefined ? '' : textOfUtf8(bytes).trim();
  bytes?.fill(0);
  return text;
}
