/** Whoever looked for a patient and found none at this site may look at another, where there is one and their role may. */

import { me, site } from "../here";
import { visibleName } from "../tables";
import { placeOf } from "./elsewhere";

export function OfAnotherSite({ patient }: { patient: string }) {
  if (me.value?.breaks_glass !== true) return null;
  return <a class="plan" data-testid="of-another-site" href={placeOf(patient, "", site)}>Is {visibleName(patient)} of another site? Open with a reason</a>;
}
