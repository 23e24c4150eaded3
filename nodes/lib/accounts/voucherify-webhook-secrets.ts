import { isSimulatorKey } from "../../../src/simulator";
import { builtInKeys } from "./built-in-simulator";
import { unsetVariable } from "./environment";

/** What a user set for the signatures of a voucherify in node, `${ENV}` replaced. */
export interface SigningSecrets {
  secret?: string;
  secondSecret?: string;
}

/** The secrets that a signature may be made with, or the sentence that says why every webhook is refused. Never contains a secret. */
export function signingSecretsOf(
  { secret, secondSecret }: SigningSecrets,
  isSimulated: boolean,
): { secrets: string[]; problem?: string } {
  const typed = [secret, secondSecret].flatMap((one) => one?.trim() || []);
  const unset = unsetVariable({ "Signing secret": typed[0], "Second secret": typed[1] });
  if (unset) return { secrets: [], problem: unset };
  if (isSimulated) return { secrets: [...typed.filter((one) => !isSimulatorKey(one)), builtInKeys().signingSecret] };
  if (typed.some(isSimulatorKey))
    return {
      secrets: [],
      problem: "This signing secret belongs to the built-in simulator: type the one of your Voucherify project.",
    };
  if (typed.length > 0) return { secrets: typed };
  return {
    secrets: [],
    problem:
      "Type the signing secret from Voucherify (Project settings > Webhooks). Until then every webhook is refused.",
  };
}
