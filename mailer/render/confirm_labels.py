"""The fixed phrases of the mail that asks a person to confirm a subscription, by language. As in `labels`, none names
the reader's gender, and a phrase around the list's name is two phrases."""

from __future__ import annotations

PHRASES: dict[str, dict[str, str]] = {
    "en": {
        "confirm_ask": "Press the button to confirm.",
        "confirm_button": "Yes, subscribe me",
        "confirm_consent": "By confirming you agree to this:",
        "confirm_heading": "Please confirm your subscription",
        "confirm_ignore": "If this was not you, do nothing. Without your confirmation there is no subscription.",
        "confirm_link": "If the button does not work, open this address:",
        "confirm_mail": "You can also send an email to this address, with this subject:",
        "confirm_subject": "Please confirm:",
        "confirm_why": "This address was entered to receive",
        "confirm_why_end": ".",
    },
    "es": {
        "confirm_ask": "Pulsa el botón para confirmar.",
        "confirm_button": "Sí, confirmo",
        "confirm_consent": "Al confirmar, aceptas lo siguiente:",
        "confirm_heading": "Confirma tu suscripción",
        "confirm_ignore": "Si no lo pediste, no hagas nada. Sin tu confirmación no hay suscripción.",
        "confirm_link": "Si el botón no funciona, abre esta dirección:",
        "confirm_mail": "También puedes enviar un correo a esta dirección, con este asunto:",
        "confirm_subject": "Confirma tu suscripción:",
        "confirm_why": "Esta dirección se inscribió para recibir",
        "confirm_why_end": ".",
    },
    "fr": {
        "confirm_ask": "Appuyez sur le bouton pour confirmer.",
        "confirm_button": "Oui, je confirme",
        "confirm_consent": "En confirmant, vous acceptez ce qui suit :",
        "confirm_heading": "Confirmez votre inscription",
        "confirm_ignore": "Si cette demande ne vient pas de vous, ne faites rien. "
        "Sans votre confirmation, il n’y a pas d’inscription.",
        "confirm_link": "Si le bouton ne fonctionne pas, ouvrez cette adresse :",
        "confirm_mail": "Vous pouvez aussi envoyer un e-mail à cette adresse, avec cet objet :",
        "confirm_subject": "Confirmez votre inscription :",
        "confirm_why": "Cette adresse a été inscrite pour recevoir",
        "confirm_why_end": ".",
    },
    "de": {
        "confirm_ask": "Bitte bestätigen Sie das mit der Schaltfläche.",
        "confirm_button": "Ja, abonnieren",
        "confirm_consent": "Mit der Bestätigung stimmen Sie Folgendem zu:",
        "confirm_heading": "Bitte bestätigen Sie Ihr Abonnement",
        "confirm_ignore": "Wenn das nicht von Ihnen kommt, brauchen Sie nichts zu tun. "
        "Ohne Ihre Bestätigung gibt es kein Abonnement.",
        "confirm_link": "Wenn die Schaltfläche nicht funktioniert, öffnen Sie diese Adresse:",
        "confirm_mail": "Sie können auch eine E-Mail an diese Adresse senden, mit diesem Betreff:",
        "confirm_subject": "Bitte bestätigen:",
        "confirm_why": "Diese Adresse wurde eingetragen, um",
        "confirm_why_end": " zu erhalten.",
    },
    "pt": {
        "confirm_ask": "Clique no botão para confirmar.",
        "confirm_button": "Sim, confirmo",
        "confirm_consent": "Ao confirmar, você concorda com o seguinte:",
        "confirm_heading": "Confirme sua inscrição",
        "confirm_ignore": "Se o pedido não foi seu, não faça nada. Sem a sua confirmação, não há inscrição.",
        "confirm_link": "Se o botão não funcionar, abra este endereço:",
        "confirm_mail": "Você também pode enviar um e-mail para este endereço, com este assunto:",
        "confirm_subject": "Confirme sua inscrição:",
        "confirm_why": "Este endereço foi inscrito para receber",
        "confirm_why_end": ".",
    },
    "ar": {
        "confirm_ask": "اضغط على الزر للتأكيد.",
        "confirm_button": "نعم، أؤكد",
        "confirm_consent": "بالتأكيد تتم الموافقة على ما يلي:",
        "confirm_heading": "يرجى تأكيد الاشتراك",
        "confirm_ignore": "إذا لم يكن هذا الطلب منك، فلا حاجة إلى أي إجراء. بدون تأكيدك لا يوجد اشتراك.",
        "confirm_link": "إذا لم يعمل الزر، افتح هذا العنوان:",
        "confirm_mail": "يمكنك أيضًا إرسال رسالة إلى هذا العنوان، بهذا الموضوع:",
        "confirm_subject": "يرجى التأكيد:",
        "confirm_why": "تم إدخال هذا العنوان لتلقي",
        "confirm_why_end": ".",
    },
    "ur": {
        "confirm_ask": "تصدیق کے لیے بٹن دبائیں۔",
        "confirm_button": "جی ہاں، تصدیق کریں",
        "confirm_consent": "تصدیق کر کے آپ اس سے اتفاق کرتے ہیں:",
        "confirm_heading": "براہ کرم اپنی رکنیت کی تصدیق کریں",
        "confirm_ignore": "اگر یہ درخواست آپ کی نہیں تھی تو کچھ نہ کریں۔ تصدیق کے بغیر کوئی رکنیت نہیں ہوگی۔",
        "confirm_link": "اگر بٹن کام نہ کرے تو یہ پتہ کھولیں:",
        "confirm_mail": "آپ اس پتے پر، اس عنوان کے ساتھ، ای میل بھی بھیج سکتے ہیں:",
        "confirm_subject": "براہ کرم تصدیق کریں:",
        "confirm_why": "یہ پتہ اس لیے درج کیا گیا کہ اس پر بھیجا جائے:",
        "confirm_why_end": "۔",
    },
}

REGIONS: dict[str, dict[str, str]] = {
    "pt-pt": {
        "confirm_consent": "Ao confirmar, concorda com o seguinte:",
        "confirm_heading": "Confirme a sua subscrição",
        "confirm_ignore": "Se o pedido não foi seu, não faça nada. Sem a sua confirmação, não há subscrição.",
        "confirm_mail": "Também pode enviar um e-mail para este endereço, com este assunto:",
        "confirm_subject": "Confirme a sua subscrição:",
    },
}
