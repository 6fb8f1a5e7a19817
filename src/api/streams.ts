import { z } from 'zod';

/** Bodies of the stream store that are not River's (spec 09 river events). */

export const walletEpochRequestSchema = z.object({ statement: z.base64().max(256) });

export const walletEpochResponseSchema = z.object({
  wallet: z.string(),
  below: z.iso.datetime().describe('delegates that end before are void'),
});

export type WalletEpochResponse = z.infer<typeof walletEpochResponseSchema>;
