"""The official score of the RSNA Pneumonia Detection Challenge 2018.

For each IoU threshold 0.40, 0.45, …, 0.75 the found boxes are matched to the true ones, and the X-ray gets TP / (TP + FP + FN); its score
is the mean over the eight thresholds, the challenge's the mean over the X-rays (`metrics.detection_score`). The best of the challenge
reached about 0.25.

Source: the challenge's evaluation page, kaggle.com/competitions/rsna-pneumonia-detection-challenge. Much code in circulation goes
over the true boxes first, or counts an IoU equal to the threshold; its figures differ.
"""

from radlearn.challenges.challenge import BoxScore

BOX_SCORE = BoxScore(
    name="rsna_score",
    label="RSNA score",
    # Twentieths, not np.arange(0.4, 0.8, 0.05): that holds 0.6000000000000001, and an IoU of exactly 0.6 is compared with it.
    ious_above=tuple(k / 20 for k in range(8, 16)),
    meaning="the challenge's score: TP / (TP + FP + FN), averaged over eight IoU thresholds, then over X-rays",
    reference="the best of the challenge reached about 0.25",
)
