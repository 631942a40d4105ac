/** Our own words for what each item is about: the instrument's questions are its author's, and are read from the clinic's licensed copy.
 * CADSS items 1, 2, 6, 7, 15 and 22. */
export const CADSS6_ABOUT = ["Sense of time", "Sense of reality", "Distance from own body", "Shape or size of own body", "Keeping track", "Memory"] as const;
