//! The mail server, used by the client that the services use, and by hand.

use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, message::MultiPart};
use serde_json::{Value, json};
use testkit::eventually;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::helpers::{PATIENCE, Sandbox};

type Smtp = AsyncSmtpTransport<Tokio1Executor>;

fn mailer(sandbox: &Sandbox) -> Smtp {
    Smtp::builder_dangerous(sandbox.smtp.ip().to_string()).port(sandbox.smtp.port()).build()
}

fn mail(to: &str, subject: &str, text: &str) -> Message {
    let from = "Школа <school@lyceum.example>".parse().unwrap();
    let parts = MultiPart::alternative_plain_html(text.to_owned(), format!("<p>{text}</p>"));
    let mail = Message::builder().from(from).to(to.parse().unwrap()).subject(subject);
    mail.message_id(Some("<m-1@lyceum.example>".to_owned())).multipart(parts).unwrap()
}

#[tokio::test]
async fn a_mail_is_read_decoded_by_whoever_waits_for_it() {
    let sandbox = Sandbox::start(&[]).await;
    let smtp = mailer(&sandbox);
    smtp.send(mail("boris@example.com", "Другое", "другое")).await.unwrap();
    let text = "Ваш код: 123456\n.строка с точкой";
    let path = "/mail?to=Anna%40example.com&wait=10s";
    let (mails, sent) = tokio::join!(sandbox.get(path), smtp.send(mail("anna@example.com", "Подтвердите почту", text)));
    sent.unwrap();
    assert_eq!(mails.as_array().unwrap().len(), 1);
    let first = &mails[0];
    assert_eq!(first["subject"], "Подтвердите почту");
    assert_eq!(first["text"].as_str().unwrap().replace("\r\n", "\n").trim_end(), text);
    assert!(first["html"].as_str().unwrap().contains("<p>Ваш код: 123456"));
    assert_eq!(first["messageId"], "m-1@lyceum.example");
    assert_eq!(first["from"], "school@lyceum.example");

    let whole = sandbox.get(&format!("/mail/{}", first["id"])).await;
    assert!(whole["source"].as_str().unwrap().contains("Subject: =?utf-8?"));
    let page = sandbox.client.get(format!("{}/mail/{}", sandbox.url, first["id"])).header("accept", "text/html");
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<h1>Подтвердите почту</h1>") && page.contains("sandbox srcdoc"), "{page}");
    let index = sandbox.client.get(&sandbox.url).send().await.unwrap().text().await.unwrap();
    assert!(index.contains("Подтвердите почту") && index.contains("boris@example.com"));

    let after = format!("/mail?to=anna%40example.com&after={}&wait_ms=50", first["id"]);
    assert_eq!(sandbox.get(&after).await, json!([]));
    sandbox.delete("/mail").await;
    assert_eq!(sandbox.get("/mail").await, json!([]));
}

#[tokio::test]
async fn a_mail_that_is_refused_for_the_moment_or_for_good_is_not_kept() {
    let sandbox = Sandbox::start(&[]).await;
    let smtp = mailer(&sandbox);
    let anna = || mail("anna@example.com", "Код", "1");
    sandbox.fault(json!({ "on": "smtp", "kind": "451", "containing": "anna@" })).await;
    smtp.send(mail("boris@example.com", "Код", "1")).await.unwrap();
    assert!(smtp.send(anna()).await.unwrap_err().is_transient());
    sandbox.fault(json!({ "on": "smtp", "kind": "550" })).await;
    assert!(smtp.send(anna()).await.unwrap_err().is_permanent());
    assert_eq!(sandbox.get("/mail?to=anna%40example.com").await, json!([]));
    smtp.send(anna()).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_breaks_around_the_last_answer_leaves_the_mail_behind() {
    let sandbox = Sandbox::start(&[]).await;
    sandbox.fault(json!({ "on": "smtp", "kind": "drop-after-data" })).await;
    mailer(&sandbox).send(mail("anna@example.com", "Код", "1")).await.unwrap_err();
    sandbox.fault(json!({ "on": "smtp", "kind": "drop-after-250" })).await;
    mailer(&sandbox).send(mail("anna@example.com", "Код", "1")).await.unwrap();
    let mails = eventually("both are kept", PATIENCE, async || {
        let mails = sandbox.get("/mail?to=anna%40example.com").await;
        (mails.as_array().map(Vec::len) == Some(2)).then_some(mails)
    });
    assert_eq!(mails.await[0]["messageId"], "m-1@lyceum.example");
}

#[tokio::test]
async fn a_slow_mail_server_takes_its_time() {
    let sandbox = Sandbox::start(&[]).await;
    sandbox.fault(json!({ "on": "smtp", "kind": "slow", "delayMs": 300 })).await;
    let begun = std::time::Instant::now();
    mailer(&sandbox).send(mail("anna@example.com", "Код", "1")).await.unwrap();
    assert!(begun.elapsed().as_millis() >= 300);
}

/// A session by hand: what each line is answered with.
async fn dialogue(sandbox: &Sandbox, lines: &[&str]) -> Vec<String> {
    let mut stream = BufReader::new(TcpStream::connect(sandbox.smtp).await.unwrap());
    let mut answers = Vec::new();
    let mut greeting = String::new();
    stream.read_line(&mut greeting).await.unwrap();
    for line in lines {
        stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        loop {
            let mut answer = String::new();
            stream.read_line(&mut answer).await.unwrap();
            let last = answer.as_bytes().get(3) == Some(&b' ');
            answers.push(answer.trim_end().to_owned());
            if last {
                break;
            }
        }
    }
    stream.get_mut().shutdown().await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    answers
}

#[tokio::test]
async fn commands_come_in_their_order_and_within_their_limits() {
    let sandbox = Sandbox::start(&[]).await;
    let too_long = format!("RCPT TO:<{}@example.com>", "x".repeat(3_000));
    let answers = dialogue(
        &sandbox,
        &[
            "RCPT TO:<anna@example.com>",
            "MAIL FROM:nobody",
            "MAIL FROM:<school@lyceum.example> SIZE=99999999",
            "MAIL FROM:<>",
            "DATA",
            &too_long,
            "RCPT TO:<>",
            "RCPT TO:<anna@example.com>",
            "RCPT TO:<boris@example.com>",
            "DATA",
            "Subject: Hello\r\n\r\n..dotted\r\n.",
            "RSET",
            "EXPN staff",
            "QUIT",
        ],
    )
    .await;
    let codes: Vec<&str> = answers.iter().filter_map(|answer| answer.get(..3)).collect();
    let expected = ["503", "501", "552", "250", "503", "500", "501", "250", "250", "354", "250", "250", "502", "221"];
    assert_eq!(codes, expected, "{answers:?}");
    let kept: Value = sandbox.get("/mail").await;
    assert_eq!(kept[0]["to"], json!(["anna@example.com", "boris@example.com"]));
    assert_eq!((&kept[0]["from"], kept[0]["text"].as_str().unwrap().trim_end()), (&json!(""), ".dotted"));
}
