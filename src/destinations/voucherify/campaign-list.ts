import { isJsonObject } from "../../json";
import type { VoucherifyApi } from "../../voucherify/voucherify-api";

const PAGE = 100;
const MOST_PAGES = 10;
const PAGE_TIMEOUT_MS = 10_000;

/** Names of the campaigns that can give out codes, all pages up to a thousand. */
export async function listCodeCampaigns(api: Pick<VoucherifyApi, "listCampaigns">): Promise<string[]> {
  const names: string[] = [];
  for (let page = 1; page <= MOST_PAGES; page++) {
    const { json, status } = await api.listCampaigns(PAGE, page, AbortSignal.timeout(PAGE_TIMEOUT_MS));
    const campaigns = status === 200 && isJsonObject(json) && Array.isArray(json.campaigns) ? json.campaigns : [];
    for (const campaign of campaigns.filter(isJsonObject))
      if (typeof campaign.name === "string" && campaign.campaign_type !== "PROMOTION") names.push(campaign.name);
    if (campaigns.length < PAGE) break;
  }
  return names;
}
