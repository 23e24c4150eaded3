/** Asks one of the package's own admin routes; the body travels as JSON. @returns a jQuery promise */
export function ask(route, body) {
  return $.ajax({
    url: `bloomreach-voucherify/${route}`,
    method: "POST",
    contentType: "application/json",
    data: JSON.stringify(body),
  });
}
