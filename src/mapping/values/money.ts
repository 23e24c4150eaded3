/** How many digits the small unit of a currency has, where it is not two (ISO 4217). */
const EXPONENTS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    [
      "BIF",
      "CLP",
      "DJF",
      "GNF",
      "ISK",
      "JPY",
      "KMF",
      "KRW",
      "PYG",
      "RWF",
      "UGX",
      "UYI",
      "VND",
      "VUV",
      "XAF",
      "XOF",
      "XPF",
    ].map((currency) => [currency, 0]),
  ),
  ...Object.fromEntries(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"].map((currency) => [currency, 3])),
};

/**
 * An amount as people write it, exact in decimals: 1234 is 12.34 in PLN, 1234 in JPY and 1.234 in KWD.
 * @param minor the amount in the currency's smallest unit
 * @param currency ISO 4217
 */
export function majorUnits(minor: number, currency: string): number {
  return Number(`${minor}e-${exponentOf(currency)}`);
}

/** How many digits stand behind the point. */
export function exponentOf(currency: string): number {
  return EXPONENTS[currency.toUpperCase()] ?? 2;
}
