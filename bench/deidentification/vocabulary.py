"""Useful words as they stand in descriptions, comments and reports: exams, series, findings, eponyms, measurements."""

EXAMS: dict[str, tuple[str, ...]] = {
    "CT": (
        "CT chest w contrast", "CT abdomen pelvis", "HRCT thorax lung window", "CT head without contrast",
        "THORAX 1.0 B70f", "Recon 3: LUNG 1.25mm", "CTA pulmonary embolism protocol", "Cor MPR soft tissue 3.0",
        "CT urogram delayed phase", "Topogram 0.6 T20f", "Liver triphasic portal venous", "Low dose screening 80 kVp",
    ),
    "MR": (
        "MR brain T2 FLAIR axial", "MRI knee sagittal PD", "MR prostate DWI b1400", "MR liver arterial phase",
        "t1_mprage_sag_p2_iso", "ep2d_diff_3scan_trace_ADC", "3D SPACE STIR coronal", "Ax DWI b0 b1000",
        "MR cholangiopancreatography HASTE", "Sag T1 TSE lumbar spine", "TOF angio circle of Willis",
    ),
    "PT": ("PET whole body FDG", "PET/CT skull base to mid thigh", "Ga-68 DOTATATE attenuation corrected", "SUV WB 3D MAC"),
    "DX": ("XR chest PA lateral", "Radiograph hand AP", "Pelvis AP frog leg", "Wrist oblique ulnar deviation"),
    "MG": ("Mammography screening bilateral", "Tomosynthesis CC view", "Breast specimen magnification", "L MLO implant displaced"),
    "US": ("US thyroid transverse", "Echo four chamber Doppler", "Ultrasound carotid left", "Renal sagittal color flow", "OB biometry BPD"),
    "NM": ("Bone scan planar anterior", "Myocardial perfusion rest", "HIDA gallbladder ejection fraction", "Tc-99m MAG3 renogram"),
}  # fmt: skip
FINDINGS = (
    "Parkinson disease", "Hodgkin lymphoma", "Baker cyst", "Wilms tumor", "Crohn ileitis", "pulmonary nodule 8 mm",
    "acute appendicitis", "renal calculus", "pleural effusion", "status post lobectomy", "hepatic metastases",
    "Alzheimer dementia", "Cushing syndrome", "no pneumothorax", "BI-RADS category 4", "L4-L5 disc herniation",
    "Graves ophthalmopathy", "Hill-Sachs lesion", "Kerley B lines", "Le Fort fracture", "Whipple procedure",
    "Colles fracture", "Budd-Chiari thrombosis", "Paget disease of bone", "Ewing sarcoma", "Kaposi sarcoma",
    "Meckel diverticulum", "Morton neuroma", "Takayasu arteritis", "Wilson disease", "Down syndrome", "Marfan habitus",
    "Bell palsy", "Addison crisis", "Bosniak IIF cyst", "Gleason 4+3 adenocarcinoma", "Fleischner follow-up",
    "Schatzki ring", "Zenker diverticulum", "Barrett esophagus", "Foley catheter in situ", "Swan-Ganz catheter tip",
    "Hashimoto thyroiditis", "Chiari malformation type 1", "Legg-Calve-Perthes", "Osgood-Schlatter apophysitis",
    "SUVmax 4.5 mediastinal node", "mass 12 x 8 x 9 mm", "midline shift 4 mm", "grade II astrocytoma",
    "TNM T2 N1 M0", "ejection fraction 55 percent", "aortic root 3.8 cm", "stenosis 70% left ICA", "Lung-RADS 4A",
    "cholelithiasis with wall thickening", "subarachnoid hemorrhage", "diverticulitis sigmoid", "osteophytes C5-C6",
    "iohexol 350 100 ml IV", "gadobutrol 7.5 ml", "metformin held 48 hours", "temozolomide cycle 3", "eGFR 62",
    "hydronephrosis bilateral", "ground-glass opacities", "tree-in-bud pattern", "spiculated margins upper lobe",
    "post void residual 40 ml", "intrauterine pregnancy 12 weeks", "fracture of the distal radius", "rule out DVT",
)  # fmt: skip
